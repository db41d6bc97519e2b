from torch import nn

from tests.networks.players import layers, make_small


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
