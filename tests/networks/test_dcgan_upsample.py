import pytest
import torch
from torch import nn

from tests.networks.players import layers, make_upsample


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
