from torch import nn

from tests.networks.players import layers, make_mlp


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
