from collections.abc import Callable

import pytest
import torch
from torch import nn

from tests.networks.players import Pair, layers, make_small, make_transposed, make_upsample


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
