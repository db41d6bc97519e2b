from collections.abc import Callable

import pytest
import torch

from gan_lab.networks import biggan, sizes
from tests.conftest import same, weights
from tests.networks.players import (
    Pair,
    make_resnet,
    make_small,
    make_sngan,
    make_stylegan2,
    make_transposed,
    make_upsample,
)


def make_biggan(size: int) -> Pair:
    options = {"width": 2, "num_classes": 3, "image_size": size, "channels": 1}
    return biggan.Generator(latent_dim=100, embedding_dim=4, **options), biggan.Discriminator(**options)


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (make_transposed, 28),
        (make_transposed, 4),
        (make_upsample, 30),
        (make_small, 2),
        (make_sngan, 28),
        (make_stylegan2, 48),
    ],
)
def test_a_size_that_no_stack_of_doublings_reaches_is_refused(make: Callable[..., Pair], size: int) -> None:
    with pytest.raises(ValueError, match=f"the image size must be .*not {size}$"):
        make(size)


@pytest.mark.parametrize("size", [4, 18, 30, 7])
def test_a_size_that_does_not_halve_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"4, 5, 6 or 7 doubled once or more .* not {size}"):
        make_resnet(size)


def test_sizes_by_hand() -> None:
    assert [sizes.quarter(size) for size in (4, 28, 32)] == [(1, 1), (7, 7), (8, 8)]
    assert [sizes.doublings(size) for size in (8, 16, 32, 64)] == [1, 2, 3, 4]
    assert [sizes.halvings(size) for size in (8, 20, 28, 32, 64)] == [1, 2, 2, 3, 4]


def test_maps_are_halved_until_they_are_small_enough_or_odd() -> None:
    sides = (7, 8, 16, 32, 64, 48, 34)
    assert [sizes.further_doublings(side, 16) for side in sides] == [0, 0, 0, 1, 2, 2, 1]
    assert [sizes.further_doublings(side, None) for side in sides] == [0] * len(sides)


def test_layouts_by_hand() -> None:
    layouts = {32: "small", 64: "large"}
    assert sizes.layout_for(64, layouts) == (64, "large")
    assert sizes.layout_for((48, 96), layouts) == (32, "small"), "6x12 doubled three times, as is 4x4"
    assert sizes.layout_for((128, 96), layouts) == (64, "large")
    with pytest.raises(ValueError, match=r"32 or 64, or oblongs whose sides halve as often, not \[256,128\]$"):
        sizes.layout_for((256, 128), layouts)
    with pytest.raises(ValueError, match="the image size must be 32, 64 or 128, not 256$"):
        sizes.layout_for(256, dict.fromkeys((32, 64, 128)))


def test_sizes_of_oblongs_by_hand() -> None:
    assert sizes.quarter((48, 96)) == (12, 24)
    oblongs = [(48, 96), (96, 48), (96, 128), (8, 1024), (28, 56), (10, 14)]
    assert [sizes.halvings(size) for size in oblongs] == [sizes.doublings(size) for size in oblongs]
    assert [sizes.halvings(size) for size in oblongs] == [3, 3, 4, 1, 2, 1]
    assert sizes.further_doublings((12, 24), 8) == 2
    assert sizes.further_doublings((6, 25), 8) == 0
    assert sizes.halved((7, 12), 2) == (2, 3)


@pytest.mark.parametrize("size", [(48, 90), (3, 96), (4, 8), (60, 80), (18, 36)])
def test_oblongs_that_do_not_halve_are_refused(size: tuple[int, int]) -> None:
    for reached in (sizes.halvings, sizes.doublings):
        with pytest.raises(ValueError, match=rf"both sides of data\.image_size must .* not \[{size[0]},{size[1]}\]$"):
            reached(size)


@pytest.mark.parametrize("size", [(48, 96), (64, 48), (8, 56)])
@pytest.mark.parametrize("make", [make_transposed, make_upsample, make_small, make_resnet, make_stylegan2])
def test_players_take_oblong_images(make: Callable[..., Pair], size: tuple[int, int]) -> None:
    generator, discriminator = make(size)
    images = generator(torch.randn(2, 100))
    assert images.shape[-2:] == size
    assert discriminator(images).shape == (2, 1)


@pytest.mark.parametrize("size", [(48, 96), (64, 128), (128, 96)])
@pytest.mark.parametrize("make", [make_sngan, make_biggan])
def test_players_of_some_layouts_take_oblongs_that_halve_as_often(
    make: Callable[..., Pair], size: tuple[int, int]
) -> None:
    generator, discriminator = make(size)
    labels = [torch.zeros(2, dtype=torch.long)] if make is make_biggan else []
    images = generator(torch.randn(2, 100), *labels)
    assert images.shape[-2:] == size
    assert discriminator(images, *labels).shape == (2, 1)


@pytest.mark.parametrize("make", [make_transposed, make_upsample, make_small, make_resnet, make_stylegan2, make_sngan])
def test_a_square_by_its_sides_has_the_same_weights(make: Callable[..., Pair]) -> None:
    pairs = []
    for size in (32, (32, 32)):
        torch.manual_seed(0)
        pairs.append(make(size))
    for one, other in zip(*pairs, strict=True):
        assert same(weights(one), weights(other))
