"""SNGAN's residual players: tables 4 and 6 of the paper, and its maths written out in float64."""

import math

import pytest
import torch
from torch import nn

from gan_lab.networks import sngan_resnet
from tests.conftest import CONF, composed
from tests.networks.players import Pair, count, layers, make_sngan, said_cost
from tests.networks.written_out import by, conv, down, grown, means, normalised, shaken, weight_of


def paper(size: int) -> Pair:
    with torch.device("meta"):
        return (
            sngan_resnet.Generator(latent_dim=128, image_size=size, channels=3),
            sngan_resnet.Discriminator(norm="spectral", image_size=size, channels=3),
        )


def up(inputs: int, outputs: int) -> int:
    return 2 * (inputs + outputs) + conv(inputs, outputs, 3) + conv(outputs, outputs, 3) + conv(inputs, outputs, 1)


# The tables, row by row: dense layer, blocks, batch norm and convolution; blocks and dense layer.
COUNTS = {
    32: (
        129 * 4 * 4 * 256 + 3 * up(256, 256) + 2 * 256 + conv(256, 3, 3),
        down(3, 128, 128) + down(128, 128, 128) + 2 * down(128, 128, 128, shortcut=False) + 129,
    ),
    64: (
        129 * 4 * 4 * 1024 + up(1024, 512) + up(512, 256) + up(256, 128) + up(128, 64) + 2 * 64 + conv(64, 3, 3),
        down(3, 64, 64) + down(64, 128, 64) + down(128, 256, 128) + down(256, 512, 256) + down(512, 1024, 512) + 1025,
    ),
    128: (
        129 * 4 * 4 * 1024
        + (up(1024, 1024) + up(1024, 512) + up(512, 256) + up(256, 128) + up(128, 64))
        + (2 * 64 + conv(64, 3, 3)),
        (down(3, 64, 64) + down(64, 128, 64) + down(128, 256, 128) + down(256, 512, 256) + down(512, 1024, 512))
        + (down(1024, 1024, 1024, shortcut=False) + 1025),
    ),
}


@pytest.mark.parametrize("size", COUNTS)
def test_the_players_have_the_weights_of_the_tables(size: int) -> None:
    assert tuple(map(count, paper(size))) == COUNTS[size]


@pytest.mark.parametrize("size", COUNTS)
def test_the_file_says_what_the_players_cost(size: int) -> None:
    assert said_cost(*paper(size), 128, size, labels=0) in (CONF / "model/network/sngan_resnet.yaml").read_text()


def test_the_file_brings_the_papers_latents_and_adam() -> None:
    model = composed("model/network=sngan_resnet").model
    assert model.latent_dim == 128
    assert (model.optimizer.generator.lr, list(model.optimizer.generator.betas)) == (2e-4, [0.0, 0.9])
    assert composed("model=wgan_gp", "model/network=sngan_resnet").model.optimizer.generator.lr == 1e-4
    assert composed("model/network=sngan_resnet", "model.latent_dim=7").model.network.generator.latent_dim == 7


@pytest.mark.parametrize(("size", "ups"), [(32, 3), (64, 4), (128, 5)])
def test_the_generator_is_the_papers_in_float64(size: int, ups: int) -> None:
    torch.manual_seed(0)
    generator = shaken(make_sngan(size, 3, width=2)[0])
    latents = torch.randn(3, 100, dtype=torch.float64)
    dense, last = layers(generator, nn.Linear)[0], generator.layers[-2]
    maps = (latents @ dense.weight.T + dense.bias).view(3, -1, 4, 4)
    blocks = layers(generator, sngan_resnet.Up)
    assert len(blocks) == ups
    for block in blocks:
        inner = by(block.conv_1, grown(normalised(maps, block.norm_1).clamp(min=0)))
        inner = by(block.conv_2, normalised(inner, block.norm_2).clamp(min=0))
        maps = by(block.shortcut, grown(maps)) + inner
    expected = by(last, normalised(maps, generator.layers[-4]).clamp(min=0)).tanh()
    torch.testing.assert_close(generator(latents), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("size", "halvings", "blocks"), [(32, 2, 4), (64, 5, 5), (128, 5, 6)])
def test_the_discriminator_is_the_papers_in_float64(size: int, halvings: int, blocks: int) -> None:
    torch.manual_seed(0)
    discriminator = shaken(make_sngan(size, 3, width=2)[1]).eval()
    maps = images = torch.rand(3, 3, size, size, dtype=torch.float64)
    found = layers(discriminator, sngan_resnet.Down)
    assert len(found) == blocks
    for index, block in enumerate(found):
        first, second, *shortcut = layers(block, nn.Conv2d)
        inner = by(second, by(first, maps.clamp(min=0) if index else maps).clamp(min=0))
        carried = by(*shortcut, maps) if shortcut else maps
        maps = means(inner) + means(carried) if index < halvings else inner + carried
    features = maps.clamp(min=0).sum((2, 3))
    expected = features @ weight_of(discriminator.output).T + discriminator.output.bias
    assert expected.std() > 1e-3
    torch.testing.assert_close(discriminator(images), expected, rtol=1e-12, atol=1e-12)


def test_first_weights_are_glorots() -> None:
    """Uniform with variance gain^2 * 2 / (fan-in + fan-out), the gain sqrt(2) inside blocks and 1 elsewhere."""
    torch.manual_seed(0)
    block = sngan_resnet.Up(64, 32)
    assert block.conv_1.weight.std().item() == pytest.approx(math.sqrt(2 * 2 / (9 * 96)), rel=0.03)
    assert block.shortcut.weight.std().item() == pytest.approx(math.sqrt(2 / 96), rel=0.05)
    assert not block.conv_1.bias.any()
