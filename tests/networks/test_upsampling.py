"""Doubling stays in the precision of its maps: torch's list for CUDA would turn 16 bits into float32.

A CPU has another list, so what is tested here is that autocast has no say where maps are doubled.
"""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gan_lab.config.schema import build
from gan_lab.networks.upsampling import Double, double
from tests.conftest import composed

NETWORKS = {"dcgan_upsample": "dcgan", "sngan_resnet": "dcgan", "resnet": "r3gan", "r3gan_cifar10": "r3gan"}
SMALL = {"sngan_resnet": ("width=8",), "r3gan_cifar10": ("width=8", "max_width=16")}


class Doublings(TorchFunctionMode):
    """Notes the precision of what is interpolated, and whether autocast could change it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[torch.dtype, bool]] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is F.interpolate:
            self.seen.append((args[0].dtype, torch.is_autocast_enabled("cpu")))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_autocast_has_no_say(mode: Any, dtype: torch.dtype) -> None:
    maps = torch.randn(2, 3, 4, 5).to(dtype)
    with torch.autocast("cpu", torch.bfloat16), Doublings() as doublings:
        doubled = double(maps, mode)
    assert doublings.seen == [(dtype, False)]
    assert torch.equal(doubled, F.interpolate(maps, scale_factor=2, mode=mode))
    assert doubled.dtype == dtype


def test_the_layer_doubles_by_nearest_neighbours() -> None:
    maps = torch.arange(4.0).view(1, 1, 2, 2)
    assert Double()(maps)[0, 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]


@pytest.mark.parametrize("network", NETWORKS)
def test_maps_between_layers_have_16_bits(network: str) -> None:
    small = [f"model.network.generator.{each}" for each in SMALL.get(network, ())]
    config = composed(f"model={NETWORKS[network]}", f"model/network={network}", *small, "data.image_size=32")
    model = build(config.model)
    between: list[tuple[str, torch.dtype]] = []

    def note(layer: nn.Module, inputs: Any, output: Tensor) -> None:
        if output.dim() == 4:
            between.append((type(layer).__name__, output.dtype))

    for layer in model.generator.modules():
        layer.register_forward_hook(note)
    with torch.autocast("cpu", torch.bfloat16), Doublings() as doublings:
        model.generator(torch.randn(2, model.latent_dim))
    # R3GAN's learned constant and the blocks that add to it, at the smallest size, are float32.
    first = next((place for place, (kind, _) in enumerate(between) if kind == "Upsample"), 0)
    assert {dtype for _, dtype in between[first:]} == {torch.bfloat16}
    assert set(doublings.seen) == (set() if network == "r3gan_cifar10" else {(torch.bfloat16, False)})
