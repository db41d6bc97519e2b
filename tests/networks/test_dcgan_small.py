import pytest
import torch
from torch import nn

from gan_lab.networks import dcgan_small
from tests.networks.players import as_configured, layers, make_small, of_seed


def test_small_layers() -> None:
    generator, discriminator = make_small()
    assert layers(generator, nn.Linear)[0].out_features == 64 * 7 * 7
    up = layers(generator, nn.ConvTranspose2d)
    assert [(layer.in_channels, layer.out_channels, layer.stride[0]) for layer in up] == [(64, 32, 2), (32, 1, 2)]
    assert [norm.num_features for norm in layers(generator, nn.BatchNorm2d)] == [64, 32]
    down = layers(discriminator, nn.Conv2d)
    assert [(layer.in_channels, layer.out_channels, layer.stride[0]) for layer in down] == [(1, 32, 2), (32, 64, 2)]
    assert [norm.num_features for norm in layers(discriminator, nn.BatchNorm2d)] == [64]
    assert discriminator.output.in_features == 64 * 7 * 7


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_images_of_64_pixels_or_fewer_need_no_further_layers(player: str, size: int) -> None:
    make = {
        "generator": lambda **more: dcgan_small.Generator(latent_dim=5, width=4, image_size=size, channels=1, **more),
        "discriminator": lambda **more: dcgan_small.Discriminator(
            width=4, norm="batch", image_size=size, channels=1, **more
        ),
    }[player]
    without, limited = of_seed(make), of_seed(make, max_side=16)
    assert without.keys() == limited.keys()
    assert all(torch.equal(without[name], limited[name]) for name in without)


def test_larger_images_add_layers_and_no_weight_for_each_pixel() -> None:
    generator, discriminator = as_configured("dcgan_small", 256)
    latent = 100 * 64 * 16**2 + 2 * 64  # with its batch norm, as in each line but the last
    doublings = 2 * (64 * 64 * 16 + 2 * 64) + 64 * 32 * 16 + 2 * 32
    assert sum(weight.numel() for weight in generator.parameters()) == latent + doublings + 32 * 3 * 16 + 3
    halvings = 3 * 32 * 16 + 32 + 32 * 64 * 16 + 2 * 64 + 2 * (64 * 64 * 16 + 2 * 64)
    assert sum(weight.numel() for weight in discriminator.parameters()) == halvings + 64 * 16**2 + 1
    assert generator(torch.zeros(2, 100, device="meta")).shape == (2, 3, 256, 256)
    assert discriminator(torch.zeros(2, 3, 256, 256, device="meta")).shape == (2, 1)
