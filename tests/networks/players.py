"""Pairs of players, and discriminators of every kind, for the tests of networks."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gan_lab.config.schema import build
from gan_lab.networks import (
    dcgan_small,
    dcgan_transposed,
    dcgan_upsample,
    mlp,
    patchgan,
    resnet,
    sngan_resnet,
    stylegan2,
)
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


def make_sngan(size: int = 32, channels: int = 1, width: int = 8, norm: Any = "spectral") -> Pair:
    sizes = {"width": width, "image_size": size, "channels": channels}
    return sngan_resnet.Generator(latent_dim=100, **sizes), sngan_resnet.Discriminator(norm=norm, **sizes)


def make_stylegan2(size: int = 32, channels: int = 1, mixing: float = 0.0, stddev_group: int = 4) -> Pair:
    sizes = {"channel_base": 128, "channel_max": 8, "image_size": size, "channels": channels}
    return (
        stylegan2.Generator(latent_dim=100, w_dim=8, mapping_layers=2, mixing=mixing, **sizes),
        stylegan2.Discriminator(stddev_group=stddev_group, norm="none", **sizes),
    )


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
        "sngan": lambda: sngan_resnet.Discriminator(width=4, norm=norm, image_size=32, channels=1),
        "resnet_filtered": lambda: resnet.Discriminator(
            width=4,
            max_width=8,
            blocks=1,
            group_size=4,
            norm=norm,
            image_size=16,
            channels=1,
            resampling="filtered",
            shortcut="where_widths_differ",
        ),
        "patch": lambda: patchgan.PatchGAN(width=4, layers=2, norm=norm, image_size=16, channels=1),
    }
    torch.manual_seed(0)
    return makers[kind]()


KINDS = ["mlp", "small", "upsample", "transposed", "resnet", "resnet_filtered", "sngan", "patch"]


def count(player: nn.Module) -> int:
    return sum(parameter.numel() for parameter in player.parameters())


def said_cost(generator: nn.Module, discriminator: nn.Module, latent_dim: int, size: int, labels: int) -> str:
    """The costs of players on the meta device, as the YAML files say them."""

    def costs(player: nn.Module, *shape: int) -> tuple[int, float, float]:
        found = []
        for batch in (2, 4):  # the difference is of images alone
            inputs = [torch.zeros(batch, *shape, device="meta"), *[torch.zeros(batch, device="meta").long()] * labels]
            kept: dict[int, int] = {}

            def keep(saved: Tensor, kept: dict[int, int] = kept) -> Tensor:
                storage = saved.untyped_storage()
                kept[storage._cdata] = storage.nbytes()  # views of one storage count once
                return saved

            with (
                FlopCounterMode(display=False) as counter,
                torch.autograd.graph.saved_tensors_hooks(keep, lambda saved: saved),
            ):
                player(*inputs)
            found.append((counter.get_total_flops(), sum(kept.values())))
        (few_flops, few_bytes), (many_flops, many_bytes) = found
        return count(player), (many_flops - few_flops) / 2e9, (many_bytes - few_bytes) / 2e6

    weights, flops, megabytes = costs(generator, latent_dim)
    first = f"generator {weights / 1e6:.2f} million weights, {flops:.1f} GFLOPs, {megabytes:.0f} MB kept"
    weights, flops, megabytes = costs(discriminator, 3, size, size)
    second = f"discriminator {weights / 1e6:.2f} million, {flops:.1f} GFLOPs, {megabytes:.0f} MB"
    return f"{size} pixels: {first}; {second}"
