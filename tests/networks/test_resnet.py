from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gan_lab.networks import resnet
from tests.networks.players import layers, make_resnet, sum_of_norms


@pytest.mark.parametrize(("size", "channels", "stages"), [(28, 1, 3), (32, 3, 4), (64, 3, 5), (20, 1, 3), (8, 1, 2)])
def test_residual_players_fit_each_other_and_the_images(size: int, channels: int, stages: int) -> None:
    generator, discriminator = make_resnet(size, channels)
    images = generator(torch.randn(2, 100))
    assert images.shape == (2, channels, size, size)
    assert discriminator(images).shape == (2, 1)
    for player in (generator, discriminator):
        assert len(layers(player, resnet.Block)) == stages


def test_residual_players_have_no_norm_and_fixed_resampling() -> None:
    for player in make_resnet():
        assert not layers(player, *sum_of_norms())
        convolutions = layers(player, nn.Conv2d)
        assert not layers(player, nn.ConvTranspose2d)
        assert {layer.stride for layer in convolutions} == {(1, 1)}
    generator, _ = make_resnet()
    assert not layers(generator, nn.Tanh), "as in the paper nothing bounds the output"


def test_a_block_starts_as_the_identity_and_is_an_inverted_bottleneck() -> None:
    block = resnet.Block(width=8, group_size=4, blocks=3, norm="none")
    maps = torch.randn(2, 8, 5, 5)
    assert torch.equal(block(maps), maps)
    into, grouped, back = layers(block, nn.Conv2d)
    assert [(layer.in_channels, layer.out_channels) for layer in (into, grouped, back)] == [(8, 16), (16, 16), (16, 8)]
    assert grouped.groups == 4
    assert grouped.kernel_size == (3, 3)


def test_residual_initialisation_by_hand() -> None:
    """N(0, gain^2 / fan-in), gain = sqrt(2 / (1 + 0.2^2)) L^(-1/4) for the first two layers of each of L blocks."""
    torch.manual_seed(0)
    into, grouped, _ = layers(resnet.Block(width=256, group_size=64, blocks=16, norm="none"), nn.Conv2d)
    gain = (2 / 1.04) ** 0.5 / 2
    assert into.weight.std().item() == pytest.approx(gain / 256**0.5, rel=0.02)
    assert grouped.weight.std().item() == pytest.approx(gain / (64 * 9) ** 0.5, rel=0.02)


def test_bilinear_resampling_by_hand() -> None:
    up, down = resnet.Upsample(1, 1), resnet.Downsample(1, 1)
    for layer in (up, down):
        nn.init.ones_(layer[0].weight)
    assert up(torch.tensor([[[[0.0, 4.0]]]]))[0, 0, 0].tolist() == [0, 1, 3, 4]
    assert down(torch.tensor([[[[0.0, 4.0], [2.0, 2.0]]]])).flatten().tolist() == [2]


@pytest.mark.parametrize("width", [1, 3, 14, 28])
def test_any_width_makes_groups(width: int) -> None:
    block = resnet.Block(width=width, group_size=16, blocks=1, norm="none")
    assert block(torch.randn(1, width, 4, 4)).shape == (1, width, 4, 4)


KINDS: Any = ("filtered", "mean")
THE_CODES: Any = {"resampling": "filtered", "shortcut": "where_widths_differ"}
TAPS = np.array([1, 3, 3, 1]) / 8


def filtered_up(maps: np.ndarray) -> np.ndarray:
    """Zeros between the places and around them, and a plain sum over the 4x4 filter at each place."""
    spread = np.zeros((*maps.shape[:2], 2 * maps.shape[2] + 3, 2 * maps.shape[3] + 3))
    spread[:, :, 2:-2:2, 2:-2:2] = maps
    sides = [size - 3 for size in spread.shape[2:]]
    windows = (spread[:, :, i : i + sides[0], j : j + sides[1]] * TAPS[i] * TAPS[j] for i in range(4) for j in range(4))
    return np.asarray(4 * sum(windows))


def filtered_down(maps: np.ndarray) -> np.ndarray:
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    sides = [size - 3 for size in padded.shape[2:]]
    windows = (
        padded[:, :, i : i + sides[0] : 2, j : j + sides[1] : 2] * TAPS[i] * TAPS[j] for i in range(4) for j in range(4)
    )
    return np.asarray(sum(windows))


def test_filtered_resampling_is_an_explicit_convolution_of_each_map() -> None:
    maps = torch.randn(2, 3, 6, 4, dtype=torch.float64)
    up, down = (kind(3, 3, **THE_CODES).double() for kind in (resnet.Upsample, resnet.Downsample))
    np.testing.assert_allclose(up(maps).numpy(), filtered_up(maps.numpy()), atol=1e-14)
    np.testing.assert_allclose(down(maps).numpy(), filtered_down(maps.numpy()), atol=1e-14)


def test_filtered_resampling_by_hand() -> None:
    up, down = (kind(1, 1, **THE_CODES) for kind in (resnet.Upsample, resnet.Downsample))
    assert up(torch.tensor([[[[16.0]]]]))[0, 0].tolist() == [[9, 9], [9, 9]], "zeros around the map"
    impulse = torch.zeros(1, 1, 4, 4)
    impulse[..., 1, 1] = 64
    assert down(impulse)[0, 0].tolist() == [[9, 3], [3, 1]]


def test_up_is_bilinear_away_from_the_edges() -> None:
    maps = torch.randn(1, 2, 6, 6)
    filtered, bilinear = (resnet.Upsample(2, 2, resampling=kind, shortcut="where_widths_differ") for kind in KINDS)
    torch.testing.assert_close(filtered(maps)[..., 1:-1, 1:-1], bilinear(maps)[..., 1:-1, 1:-1])
    assert not torch.allclose(filtered(maps), bilinear(maps))


def test_no_convolution_where_widths_are_equal() -> None:
    for kind in (resnet.Upsample, resnet.Downsample):
        assert [len(layers(kind(4, width, **THE_CODES), nn.Conv2d)) for width in (4, 8)] == [0, 1]
        assert len(layers(kind(4, 4), nn.Conv2d)) == 1


def test_the_filter_is_in_no_checkpoint() -> None:
    assert list(resnet.Upsample(4, 8, **THE_CODES).state_dict()) == ["0.weight"]


def by_place(maps: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], maps)


def leaky(maps: np.ndarray, bias: np.ndarray) -> np.ndarray:
    biased = maps + bias[:, None, None]
    return np.where(biased > 0, biased, 0.2 * biased)


def block_by_hand(maps: np.ndarray, weights: Iterator[np.ndarray], group_size: int) -> np.ndarray:
    wide = leaky(by_place(maps, next(weights)), next(weights))
    kernel, height, width = next(weights), *maps.shape[2:]
    padded = np.pad(wide, ((0, 0), (0, 0), (1, 1), (1, 1)))
    mixed = np.zeros_like(wide)
    for out in range(wide.shape[1]):
        first = out // group_size * group_size
        for i in range(3):
            for j in range(3):
                seen = padded[:, first : first + group_size, i : i + height, j : j + width]
                mixed[:, out] += np.einsum("i,nihw->nhw", kernel[out, :, i, j], seen)
    return maps + by_place(leaky(mixed, next(weights)), next(weights))


def test_the_codes_players_against_an_independent_float64_computation() -> None:
    """Widths of 8, 8 and 4 from the small map on: one resampling with a convolution, one without."""
    torch.manual_seed(0)
    options = {"width": 4, "max_width": 8, "blocks": 2, "group_size": 2, "image_size": 16, "channels": 3}
    generator = resnet.Generator(latent_dim=5, **options, **THE_CODES).double()
    discriminator = resnet.Discriminator(norm="none", **options, **THE_CODES).double()
    for player in (generator, discriminator):
        for parameter in player.parameters():
            nn.init.normal_(parameter, 0.0, 0.4)  # a fresh block's last layer is zero
    latents = torch.randn(2, 5, dtype=torch.float64)

    weights = iter([parameter.detach().numpy() for parameter in generator.parameters()])
    maps = next(weights) * (latents.numpy() @ next(weights).T)[:, :, None, None]
    for stage, width in enumerate((8, 8, 4)):
        if stage:
            wider = by_place(maps, next(weights)) if width != maps.shape[1] else maps
            maps = filtered_up(wider)
        for _ in range(2):
            maps = block_by_hand(maps, weights, 2)
    images = by_place(maps, next(weights))
    assert next(weights, None) is None
    np.testing.assert_allclose(generator(latents).detach().numpy(), images, rtol=1e-11, atol=1e-11)

    weights = iter([parameter.detach().numpy() for parameter in discriminator.parameters()])
    maps = by_place(images, next(weights))
    for stage, width in enumerate((4, 8, 8)):
        if stage:
            smaller = filtered_down(maps)
            maps = by_place(smaller, next(weights)) if width != maps.shape[1] else smaller
        for _ in range(2):
            maps = block_by_hand(maps, weights, 2)
    features = np.einsum("chw,nchw->nc", next(weights)[:, 0], maps)
    logits = features @ next(weights).T
    assert next(weights, None) is None
    found = discriminator(torch.from_numpy(images)).detach().numpy()
    np.testing.assert_allclose(found, logits, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("resampling", KINDS)
@pytest.mark.parametrize("shortcut", ["always", "where_widths_differ"])
def test_an_option_keeps_the_first_weights_of_what_stays(resampling: Any, shortcut: Any) -> None:
    options = {"latent_dim": 4, "width": 4, "max_width": 64, "blocks": 1, "group_size": 4}
    made = []
    for chosen in ({}, {"resampling": resampling, "shortcut": shortcut}):
        torch.manual_seed(0)
        made.append(resnet.Generator(image_size=16, channels=1, **options, **chosen).state_dict())
    assert list(made[0]) == list(made[1])
    assert all(torch.equal(value, made[1][name]) for name, value in made[0].items())


def test_penalties_differentiate_twice_through_the_filter() -> None:
    down = resnet.Downsample(2, 4, **THE_CODES).double()
    maps = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(down, maps)
