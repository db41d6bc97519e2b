from torch import nn

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
