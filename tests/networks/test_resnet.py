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
