"""The maths of residual players written out, and the numbers of weights that their papers' tables amount to."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized


def conv(inputs: int, outputs: int, side: int) -> int:
    return inputs * outputs * side**2 + outputs


def down(inputs: int, outputs: int, hidden: int, shortcut: bool = True) -> int:
    return conv(inputs, hidden, 3) + conv(hidden, outputs, 3) + shortcut * conv(inputs, outputs, 1)


def weight_of(layer: nn.Module) -> Tensor:
    """A layer's weight; under spectral norm, which stands still in evaluation mode, worked out from what it keeps."""
    if not is_parametrized(layer):
        return layer.weight
    original, kept = layer.parametrizations.weight.original, layer.parametrizations.weight[0]
    return original / (kept._u @ original.flatten(1) @ kept._v)


def normalised(maps: Tensor, norm: nn.Module) -> Tensor:
    centred = maps - maps.mean((0, 2, 3), keepdim=True)
    scaled = centred / (centred.square().mean((0, 2, 3), keepdim=True) + norm.eps).sqrt()
    return scaled * norm.weight[:, None, None] + norm.bias[:, None, None]


def grown(maps: Tensor) -> Tensor:
    return maps.repeat_interleave(2, 2).repeat_interleave(2, 3)


def means(maps: Tensor) -> Tensor:
    return maps.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).mean((3, 5))


def by(layer: nn.Module, maps: Tensor) -> Tensor:
    return F.conv2d(maps, weight_of(layer), layer.bias, padding=layer.kernel_size[0] // 2)


def shaken(player: nn.Module) -> nn.Module:
    """The player in float64, with biases and scales that are not where they begin."""
    for parameter in player.double().parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return player
