"""The networks are those of the documents they come from: sizes, norms, first weights."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gan_lab.networks import dcgan_small, dcgan_transposed, dcgan_upsample, mlp

Pair = tuple[nn.Module, nn.Module]


def make_mlp(size: int = 28, channels: int = 1) -> Pair:
    return (
        mlp.Generator(latent_dim=100, hidden=[128, 128], image_size=size, channels=channels),
        mlp.Discriminator(hidden=[128, 128], norm="none", image_size=size, channels=channels),
    )


def make_transposed(size: int = 32, channels: int = 1) -> Pair:
    return (
        dcgan_transposed.Generator(latent_dim=100, width=128, image_size=size, channels=channels),
        dcgan_transposed.Discriminator(width=128, norm="batch", image_size=size, channels=channels),
    )


def make_upsample(size: int = 28, channels: int = 1) -> Pair:
    return (
        dcgan_upsample.Generator(latent_dim=100, width=64, image_size=size, channels=channels),
        dcgan_upsample.Discriminator(width=32, dropout=0.25, norm="batch", image_size=size, channels=channels),
    )


def make_small(size: int = 28, channels: int = 1) -> Pair:
    return (
        dcgan_small.Generator(latent_dim=100, width=32, image_size=size, channels=channels),
        dcgan_small.Discriminator(width=32, norm="batch", image_size=size, channels=channels),
    )


def layers(module: nn.Module, *kinds: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in module.modules() if isinstance(layer, kinds)]


@pytest.mark.parametrize(
    ("make", "size", "channels"),
    [
        (make_mlp, 28, 1),
        (make_mlp, 12, 3),
        (make_transposed, 32, 1),
        (make_transposed, 64, 3),
        (make_transposed, 8, 1),
        (make_upsample, 28, 1),
        (make_upsample, 32, 3),
        (make_small, 28, 1),
        (make_small, 64, 3),
    ],
)
def test_players_fit_each_other_and_the_images(make: Callable[..., Pair], size: int, channels: int) -> None:
    generator, discriminator = make(size, channels)
    images = generator(torch.randn(2, 100))
    assert images.shape == (2, channels, size, size)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (2, 1)


@pytest.mark.parametrize("make", [make_mlp, make_transposed, make_upsample, make_small])
def test_discriminators_end_in_a_logit_not_a_probability(make: Callable[..., Pair]) -> None:
    _, discriminator = make()
    assert not layers(discriminator, nn.Sigmoid)


def test_mlp_layers() -> None:
    generator, discriminator = make_mlp()
    assert [(layer.in_features, layer.out_features) for layer in layers(generator, nn.Linear)] == [
        (100, 128),
        (128, 128),
        (128, 784),
    ]
    assert [(layer.in_features, layer.out_features) for layer in layers(discriminator, nn.Linear)] == [
        (784, 128),
        (128, 128),
        (128, 1),
    ]
    for player in (generator, discriminator):
        assert [layer.negative_slope for layer in layers(player, nn.LeakyReLU)] == [0.2, 0.2]


def test_transposed_layers() -> None:
    generator, discriminator = make_transposed()
    up = layers(generator, nn.ConvTranspose2d)
    assert [(layer.in_channels, layer.out_channels) for layer in up] == [(100, 512), (512, 256), (256, 128), (128, 1)]
    assert [layer.stride[0] for layer in up] == [1, 2, 2, 2]
    assert {layer.kernel_size for layer in up} == {(4, 4)}
    assert all(layer.bias is None for layer in up)
    assert [norm.num_features for norm in layers(generator, nn.BatchNorm2d)] == [512, 256, 128]
    down = layers(discriminator, nn.Conv2d)
    assert [(layer.in_channels, layer.out_channels) for layer in down] == [(1, 128), (128, 256), (256, 512), (512, 1)]
    assert [norm.num_features for norm in layers(discriminator, nn.BatchNorm2d)] == [256, 512]


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


@pytest.mark.parametrize("make", [make_transposed, make_upsample, make_small])
def test_convolutional_players_start_as_dcgan_says(make: Callable[..., Pair]) -> None:
    torch.manual_seed(0)
    for player in make():
        weights = [layer.weight for layer in layers(player, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)]
        pooled = torch.cat([weight.flatten() for weight in weights])
        assert pooled.std().item() == pytest.approx(0.02, rel=0.02)
        assert pooled.mean().abs() < 1e-3
        for norm in layers(player, nn.BatchNorm2d):
            assert norm.weight.mean().item() == pytest.approx(1, abs=0.02)
            assert norm.weight.std().item() == pytest.approx(0.02, rel=0.6)
            assert norm.bias.eq(0).all()
        for layer in layers(player, nn.Conv2d, nn.ConvTranspose2d, nn.Linear):
            assert layer.bias is None or layer.bias.eq(0).all()


@pytest.mark.parametrize(
    ("make", "size"), [(make_transposed, 28), (make_transposed, 4), (make_upsample, 30), (make_small, 2)]
)
def test_a_size_that_no_stack_of_doublings_reaches_is_refused(make: Callable[..., Pair], size: int) -> None:
    with pytest.raises(ValueError, match=f"the image size must be .*not {size}$"):
        make(size)


def test_who_claims_to_score_each_image_alone_does() -> None:
    for make in (make_mlp, make_transposed, make_upsample, make_small):
        _, discriminator = make()
        size = 32 if make is make_transposed else 28
        images = torch.randn(6, 1, size, size)
        if getattr(discriminator, "scores_each_image_alone", False):
            torch.testing.assert_close(discriminator(images)[:2], discriminator(images[:2]))
        else:
            assert not torch.allclose(discriminator(images)[:2], discriminator(images[:2]))
