"""Pairs of players, and discriminators of every kind, for the tests of networks."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gan_lab.config.schema import build
from gan_lab.networks import dcgan_small, dcgan_transposed, dcgan_upsample, mlp, patchgan, resnet
from tests.conftest import composed

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


def make_resnet(size: int = 28, channels: int = 1, norm: Any = "none") -> Pair:
    sizes = {"width": 8, "max_width": 32, "blocks": 1, "group_size": 8, "image_size": size, "channels": channels}
    return resnet.Generator(latent_dim=100, **sizes), resnet.Discriminator(norm=norm, **sizes)


def as_configured(network: str, size: int) -> Pair:
    """Both players as the option file has them, without memory, for colour images."""
    config = composed(f"model/network={network}", f"data.image_size={size}", "data.channels=3")
    with torch.device("meta"):
        return build(config.model.network.generator), build(config.model.network.discriminator)


def of_seed(make: Callable[..., nn.Module], **options: Any) -> dict[str, torch.Tensor]:
    """The state of a network that is made from one seed."""
    torch.manual_seed(0)
    return make(**options).state_dict()


def layers(module: nn.Module, *kinds: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in module.modules() if isinstance(layer, kinds)]


def loud(player: nn.Module) -> nn.Module:
    """The player with weights so large that what it draws needs limits."""
    for parameter in player.parameters():
        parameter.data.mul_(100)
    return player


NORM_LAYERS: dict[str, tuple[type[nn.Module], ...]] = {
    "batch": (nn.BatchNorm1d, nn.BatchNorm2d),
    "layer": (nn.LayerNorm, nn.GroupNorm),
    "instance": (nn.InstanceNorm2d,),
}


def sum_of_norms() -> tuple[type[nn.Module], ...]:
    return tuple(kind for kinds in NORM_LAYERS.values() for kind in kinds)


def make_discriminator(kind: str, norm: Any) -> nn.Module:
    makers: dict[str, Callable[[], nn.Module]] = {
        "mlp": lambda: mlp.Discriminator(hidden=[8], norm=norm, image_size=16, channels=1),
        "small": lambda: dcgan_small.Discriminator(width=4, norm=norm, image_size=16, channels=1),
        "upsample": lambda: dcgan_upsample.Discriminator(width=4, dropout=0.0, norm=norm, image_size=16, channels=1),
        "transposed": lambda: dcgan_transposed.Discriminator(width=4, norm=norm, image_size=16, channels=1),
        "resnet": lambda: resnet.Discriminator(
            width=4, max_width=8, blocks=1, group_size=4, norm=norm, image_size=16, channels=1
        ),
        "patch": lambda: patchgan.PatchGAN(width=4, layers=2, norm=norm, image_size=16, channels=1),
    }
    torch.manual_seed(0)
    return makers[kind]()


KINDS = ["mlp", "small", "upsample", "transposed", "resnet", "patch"]
