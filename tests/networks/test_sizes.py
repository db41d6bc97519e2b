from collections.abc import Callable

import pytest

from gan_lab.networks import sizes
from tests.networks.players import (
    Pair,
    make_resnet,
    make_small,
    make_sngan,
    make_stylegan2,
    make_transposed,
    make_upsample,
)


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
    assert [sizes.quarter(size) for size in (4, 28, 32)] == [1, 7, 8]
    assert [sizes.doublings(size) for size in (8, 16, 32, 64)] == [1, 2, 3, 4]
    assert [sizes.halvings(size) for size in (8, 20, 28, 32, 64)] == [1, 2, 2, 3, 4]


def test_maps_are_halved_until_they_are_small_enough_or_odd() -> None:
    sides = (7, 8, 16, 32, 64, 48, 34)
    assert [sizes.further_doublings(side, 16) for side in sides] == [0, 0, 0, 1, 2, 2, 1]
    assert [sizes.further_doublings(side, None) for side in sides] == [0] * len(sides)


def test_layouts_by_hand() -> None:
    assert sizes.layout_for(64, {32: "small", 64: "large"}) == "large"
    with pytest.raises(ValueError, match="the image size must be 32, 64 or 128, not 256$"):
        sizes.layout_for(256, dict.fromkeys((32, 64, 128)))
