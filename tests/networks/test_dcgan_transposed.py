import pytest
import torch
from torch import nn

from gan_lab.config.schema import build
from tests.conftest import composed
from tests.networks.players import layers, make_transposed


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


@pytest.mark.parametrize(
    ("size", "millions"), [(32, (3.4, 2.6)), (64, (7.6, 6.8)), (128, (11.8, 11.0)), (256, (16.0, 15.2))]
)
def test_larger_images_add_layers_and_do_not_double_them(size: int, millions: tuple[float, float]) -> None:
    config = composed("model/network=dcgan_transposed", f"data.image_size={size}", "data.channels=3")
    counts = []
    for player in ("generator", "discriminator"):
        with torch.device("meta"):
            network = build(config.model.network[player])
        counts.append(round(sum(weight.numel() for weight in network.parameters()) / 1e6, 1))
    assert tuple(counts) == millions
