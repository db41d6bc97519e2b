"""R3GAN at the size of its code: presets against the numbers in its train.py, and what they say they cost."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gan_lab.config.schema import build
from gan_lab.models.r3gan import R3GAN
from tests.conftest import CONF, composed


class Preset(NamedTuple):
    """A preset of train.py in github.com/brownvc/R3GAN, and the batch of its README."""

    widths: list[int]  # WidthPerStage, from the 4x4 map on
    batch: int
    gamma: float  # final_value of gamma_scheduler
    ema: int  # final_value of ema_scheduler


PRESETS = {
    "r3gan_cifar10": Preset([768] * 4, 512, 0.005, 5_000_000),
    "r3gan_ffhq64": Preset([768] * 4 + [384], 256, 0.2, 500_000),
    "r3gan_ffhq256": Preset([768] * 4 + [384, 192, 96], 256, 15.0, 500_000),
}
NOISE, BLOCKS, EXPANSION, GROUP, COLOURS = 64, 2, 2, 16, 3


def model_of(preset: str) -> R3GAN:
    with torch.device("meta"):
        model = build(composed("model=r3gan", f"model/network={preset}", "data.channels=3").model)
    assert isinstance(model, R3GAN)
    return model


def weights(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("preset", PRESETS)
def test_as_many_weights_as_the_codes_networks_have(preset: str) -> None:
    widths = PRESETS[preset].widths
    stages = 0
    for width in widths:
        inner = EXPANSION * width
        stages += BLOCKS * (width * inner + inner + inner * GROUP * 9 + inner + inner * width)
    between = sum(one * other for one, other in pairwise(widths) if one != other)
    generator = NOISE * widths[0] + widths[0] * 4 * 4 + stages + between + widths[-1] * COLOURS
    discriminator = COLOURS * widths[-1] + stages + between + widths[0] * 4 * 4 + widths[0]
    model = model_of(preset)
    assert (weights(model.generator), weights(model.discriminator)) == (generator, discriminator)


def test_convolutions_at_every_resampling_would_be_more_than_the_code_has() -> None:
    """20.73 against 22.50 million weights of the generator for CIFAR-10."""
    chosen = composed(
        "model=r3gan", "model/network=r3gan_cifar10", "data.channels=3", "model.network.generator.shortcut=always"
    )
    with torch.device("meta"):
        always = build(chosen.model).generator
    assert weights(model_of("r3gan_cifar10").generator) == pytest.approx(20.73e6, rel=1e-3)
    assert weights(always) == pytest.approx(22.50e6, rel=1e-3)


class Flops(TorchDispatchMode):
    """A count of floating-point operations by torch's formulas. FlopCounterMode itself can't see inner gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.total += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def flops(call: Callable[[], Any]) -> int:
    with Flops() as counter:
        call()
    return counter.total


def kept(call: Callable[[], Any]) -> int:
    """Bytes that autograd keeps for backward passes."""
    storages = {}

    def keep(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage()._cdata] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        call()
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("preset", PRESETS)
def test_the_file_says_what_it_costs(preset: str) -> None:
    model = model_of(preset)
    size = 4 * 2 ** (len(PRESETS[preset].widths) - 1)

    def discriminators_turn(count: int) -> None:
        images = torch.empty(count, COLOURS, size, size, device="meta")
        fake = torch.empty_like(images)
        sum(model.discriminator_terms(images, fake, ()).values()).backward()  # type: ignore[union-attr]

    def step() -> None:
        images = torch.empty(1, COLOURS, size, size, device="meta")
        fake = model.generate(images, ())
        discriminators_turn(1)
        model.discriminator.requires_grad_(False)
        sum(model.generator_terms(images, fake, ()).values()).backward()  # type: ignore[union-attr]

    image = torch.empty(1, COLOURS, size, size, device="meta")
    forwards = [
        flops(lambda: model.generator(torch.empty(1, NOISE, device="meta"))),
        flops(lambda: model.discriminator(image)),
    ]
    players = weights(model.generator), weights(model.discriminator)
    images_kept = kept(lambda: discriminators_turn(3)) - kept(lambda: discriminators_turn(2))
    found = [
        *(f"{count / 1e6:.2f}" for count in players),
        *(f"{count / 1e9:.1f}" for count in forwards),
        f"{flops(step) / 1e9:.0f}",
        # Each weight, its gradient and Adam's two moments; the generator's moving average.
        f"{4 * (4 * sum(players) + players[0]) / 1e9:.2f}",
        f"{images_kept / 1e9:.2f}",
    ]
    said = (CONF / f"model/network/{preset}.yaml").read_text().partition("# cost: ")[2].partition("\n\n")[0]
    assert re.findall(r"\b\d+(?:\.\d+)?", said.partition("defaults:")[0]) == found


@pytest.mark.parametrize("preset", PRESETS)
def test_the_recipe_has_the_codes_last_values(preset: str) -> None:
    published, config = PRESETS[preset], composed(f"experiment={preset}", "data.root=images")
    model = config.model
    assert model.network == composed("model=r3gan", f"model/network={preset}", "data.channels=3").model.network
    assert config.data.image_size == 4 * 2 ** (len(published.widths) - 1)
    assert (config.data.batch_size, model.latent_dim, model.n_critic) == (published.batch, NOISE, 1)
    assert (model.penalty.r1.gamma, model.penalty.r2.gamma) == (published.gamma, published.gamma)
    for player in ("generator", "discriminator"):
        assert (model.optimizer[player].lr, model.optimizer[player].betas) == (5e-5, [0.0, 0.99])
    assert model.ema_half_life == published.ema
    images = config.trainer.max_steps * published.batch
    assert 20e6 <= images < 20e6 + published.batch
