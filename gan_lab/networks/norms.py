"""Norms of a discriminator's activations or weights.

`batch` mixes the images of a batch, so it can't be had together with a gradient penalty. `layer` is what
Gulrajani et al. 2017, section 4 (arXiv:1704.00028), recommend in its place; `spectral` gives each layer's weight, as
a matrix, the spectral norm 1 instead (Miyato et al. 2018, arXiv:1802.05957).
"""

from typing import Literal

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_lab.networks.init import CONVOLUTIONS

Norm = Literal["batch", "layer", "instance", "spectral", "none"]


def norm_2d(norm: Norm, features: int, *, momentum: float = 0.1) -> list[nn.Module]:
    """The layers that normalise maps (batch, features, height, width); none where the weights are normalised."""
    if norm == "batch":
        return [nn.BatchNorm2d(features, momentum=momentum)]
    if norm == "layer":
        return [nn.GroupNorm(1, features)]  # one group: over channels and places, scale and shift for each channel
    if norm == "instance":
        return [nn.InstanceNorm2d(features, affine=True)]
    return []


def norm_1d(norm: Norm, features: int) -> list[nn.Module]:
    """The layers that normalise vectors (batch, features).

    Raises:
        ValueError: instance norm, which is over the places of a map.
    """
    if norm == "instance":
        raise ValueError("instance norm is over the places of a map; fully connected layers have none: set norm=layer")
    if norm == "batch":
        return [nn.BatchNorm1d(features)]
    return [nn.LayerNorm(features)] if norm == "layer" else []


def needs_bias(norm: Norm) -> bool:
    """True where layers need a bias of their own: a norm on activations has one."""
    return norm in ("spectral", "none")


def normalise_weights(network: nn.Module, norm: Norm) -> None:
    """Give every layer of an initialised network spectral norm, if that is the norm."""
    if norm != "spectral":
        return
    for layer in [layer for layer in network.modules() if isinstance(layer, CONVOLUTIONS)]:
        spectral_norm(layer)
