"""The U-Net and the conditional PatchGAN, layer by layer as in appendix 6.1 of the paper."""

import pytest
import torch
from torch import nn

from gan_lab.networks.norms import Norm
from gan_lab.networks.unet import ConditionalPatchGAN, UNet
from tests.networks.players import layers, loud


def unet(size: int = 256, width: int = 64, norm: Norm = "batch", source_channels: int = 3, channels: int = 3) -> UNet:
    with torch.device("meta" if width == 64 else "cpu"):
        return UNet(
            width=width,
            norm=norm,
            dropout=0.5,
            image_size=size,
            source_channels=source_channels,
            channels=channels,
        )


def test_the_layers_of_the_paper() -> None:
    """Encoder C64-C128-C256-C512-C512-C512-C512-C512; decoder CD512-CD512-CD512-C512-C256-C128-C64, doubled inputs."""
    network = unet()
    encoder = layers(network.encoder, nn.Conv2d)
    assert [(c.in_channels, c.out_channels) for c in encoder] == [
        (3, 64),
        (64, 128),
        (128, 256),
        (256, 512),
        (512, 512),
        (512, 512),
        (512, 512),
        (512, 512),
    ]
    decoder = layers(network.decoder, nn.ConvTranspose2d)
    assert [(c.in_channels, c.out_channels) for c in decoder] == [
        (512, 512),
        (1024, 512),
        (1024, 512),
        (1024, 512),
        (1024, 256),
        (512, 128),
        (256, 64),
    ]
    assert [bool(layers(layer, nn.Dropout)) for layer in network.decoder] == [True] * 3 + [False] * 4
    normed = [bool(layers(layer, nn.BatchNorm2d)) for layer in network.encoder]
    assert normed == [False, True, True, True, True, True, True, False], "not the first, nor the innermost"
    # 54.41 million weights, the paper's code has, with its biases where no norm has one
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(54.41e6, rel=1e-3)


@pytest.mark.parametrize(("size", "depth", "noisy"), [(256, 8, 3), (128, 7, 3), (64, 6, 2), (32, 5, 1), (28, 2, 0)])
def test_the_depth_follows_the_size(size: int, depth: int, noisy: int) -> None:
    network = unet(size)
    assert len(network.encoder) == len(network.decoder) + 1 == depth
    assert network.multiple == 2**depth
    assert len(layers(network, nn.Dropout)) == noisy


@pytest.mark.parametrize("norm", ["batch", "layer", "instance", "none"])
def test_the_innermost_map_is_one_pixel_and_larger_images_fit(norm: Norm) -> None:
    network = unet(32, width=2, norm=norm, source_channels=1, channels=2)
    inner: list[torch.Size] = []
    network.encoder[-1].register_forward_hook(lambda _, __, maps: inner.append(maps.shape[2:]))
    assert network(torch.randn(2, 1, 32, 32)).shape == (2, 2, 32, 32)
    assert network(torch.randn(1, 1, 64, 96)).shape == (1, 2, 64, 96)
    assert inner == [(1, 1), (2, 3)]
    assert 0.99 < loud(network)(torch.randn(2, 1, 32, 32)).abs().max() <= 1


def test_every_layer_of_the_encoder_reaches_the_output() -> None:
    network = unet(32, width=2).eval()
    images = torch.randn(1, 3, 32, 32)
    before = network(images)
    for layer in network.encoder:
        kept = layer.forward
        layer.forward = lambda maps, kept=kept: kept(maps) + 1
        assert not torch.equal(network(images), before)
        layer.forward = kept


def test_dropout_is_noise_while_training_alone() -> None:
    network, images = loud(unet(32, width=2)), torch.randn(1, 3, 32, 32)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_sizes_that_do_not_halve_and_norms_of_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 4: 30"):
        unet(30)
    with pytest.raises(ValueError, match=r"generator\.norm=instance"):
        unet(32, norm="spectral")


def test_the_discriminator_sees_image_and_source() -> None:
    patches = ConditionalPatchGAN(
        width=4, layers=2, norm="instance", image_size=32, source_channels=1, channels=3
    ).double()
    images, source = torch.randn(2, 3, 32, 32, dtype=torch.float64), torch.randn(2, 1, 32, 32, dtype=torch.float64)
    logits = patches(images, source)
    assert logits.shape == (2, 1, 6, 6)
    assert not torch.allclose(patches(images, source.flip(0)), logits)
    assert not torch.allclose(patches(images.flip(0), source), logits)
    torch.testing.assert_close(patches(images[:1], source[:1]), logits[:1])
    with pytest.raises(ValueError, match="layers=3 or less"):
        ConditionalPatchGAN(width=4, layers=4, norm="none", image_size=32, source_channels=1, channels=3)
