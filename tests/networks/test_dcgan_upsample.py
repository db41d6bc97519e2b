import pytest
import torch
from torch import nn

from gan_lab.networks import dcgan_upsample
from tests.networks.players import as_configured, layers, make_upsample, of_seed


def test_upsample_layers() -> None:
    generator, discriminator = make_upsample()
    assert layers(generator, nn.Linear)[0].out_features == 128 * 7 * 7
    assert [(c.in_channels, c.out_channels) for c in layers(generator, nn.Conv2d)] == [(128, 128), (128, 64), (64, 1)]
    convolutions = layers(discriminator, nn.Conv2d)
    assert [c.out_channels for c in convolutions] == [32, 64, 128, 256]
    assert [c.stride[0] for c in convolutions] == [2, 2, 2, 1]
    assert [dropout.p for dropout in layers(discriminator, nn.Dropout)] == [0.25] * 4
    assert layers(discriminator, nn.Linear)[0].in_features == 256 * 4 * 4
    assert [norm.num_features for norm in layers(discriminator, nn.BatchNorm2d)] == [64, 128, 256]


def test_upsample_pads_seven_to_eight() -> None:
    _, discriminator = make_upsample()
    shapes = []
    for layer in layers(discriminator, nn.Conv2d, nn.ZeroPad2d):
        layer.register_forward_hook(lambda _m, _i, output: shapes.append(output.shape[-1]))
    discriminator(torch.zeros(2, 1, 28, 28))
    assert shapes == [14, 7, 8, 4, 4]


def test_keras_momentum_is_translated_and_eps_left_alone() -> None:
    for player in make_upsample():
        for norm in layers(player, nn.BatchNorm2d):
            assert norm.momentum == pytest.approx(1 - 0.8)
            assert norm.eps == 1e-5


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_images_of_64_pixels_or_fewer_need_no_further_layers(player: str, size: int) -> None:
    make = {
        "generator": lambda **more: dcgan_upsample.Generator(
            latent_dim=5, width=4, image_size=size, channels=1, **more
        ),
        "discriminator": lambda **more: dcgan_upsample.Discriminator(
            width=4, dropout=0.25, norm="batch", image_size=size, channels=1, **more
        ),
    }[player]
    without, limited = of_seed(make), of_seed(make, max_side=16)
    assert without.keys() == limited.keys()
    assert all(torch.equal(without[name], limited[name]) for name in without)


def test_larger_images_add_layers_and_no_weight_for_each_pixel() -> None:
    generator, discriminator = as_configured("dcgan_upsample", 128)
    latent = (100 + 1) * 128 * 16**2
    doublings = 2 * (128 * 128 * 9 + 128 + 2 * 128) + 128 * 64 * 9 + 64 + 2 * 64  # with their batch norms
    assert sum(weight.numel() for weight in generator.parameters()) == latent + doublings + 64 * 3 * 9 + 3
    first = 3 * 32 * 9 + 32 + 32 * 64 * 9 + 64 + 2 * 64 + 64 * 128 * 9 + 128 + 2 * 128
    last = 128 * 128 * 9 + 128 + 2 * 128 + 128 * 256 * 9 + 256 + 2 * 256 + 256 * 8**2 + 1
    assert sum(weight.numel() for weight in discriminator.parameters()) == first + last
    assert generator(torch.zeros(2, 100, device="meta")).shape == (2, 3, 128, 128)
    assert discriminator(torch.zeros(2, 3, 128, 128, device="meta")).shape == (2, 1)


@pytest.mark.parametrize("size", [56, (56, 112), (28, 56), (12, 20)])
def test_maps_that_are_odd_on_the_way_are_counted_rightly(size: int | tuple[int, int]) -> None:
    discriminator = dcgan_upsample.Discriminator(
        width=2, max_side=8, dropout=0.0, norm="none", image_size=size, channels=1
    )
    shape = (size, size) if isinstance(size, int) else size
    assert discriminator(torch.zeros(2, 1, *shape)).shape == (2, 1)
