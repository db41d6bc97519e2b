"""R3GAN at the size of its code: presets against the numbers in its train.py, and what they say they cost."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from benchmarks.gpu.flops import Flops
from gan_lab.config.schema import build
from gan_lab.models import scheduled
from gan_lab.models.r3gan import R3GAN
from gan_lab.schedules import Moment
from tests.conftest import CONF, composed


class Way(NamedTuple):
    """The base_value and the final_value of a scheduler; all have a total_nimg of 2e7."""

    first: float
    last: float


class Preset(NamedTuple):
    """A preset of train.py in github.com/brownvc/R3GAN, and the batch of its README."""

    widths: list[int]  # WidthPerStage, from the 4x4 map on
    batch: int
    gamma: Way
    ema: int  # final_value of ema_scheduler, which begins with 0
    p: float  # final_value of aug_scheduler, which begins with 0


PRESETS = {
    "r3gan_cifar10": Preset([768] * 4, 512, Way(0.05, 0.005), 5_000_000, 0.55),
    "r3gan_ffhq64": Preset([768] * 4 + [384], 256, Way(2, 0.2), 500_000, 0.3),
    "r3gan_ffhq256": Preset([768] * 4 + [384, 192, 96], 256, Way(150, 15), 500_000, 0.3),
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


@pytest.mark.slow
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
def test_the_recipe_is_that_of_the_code(preset: str) -> None:
    published, config = PRESETS[preset], composed(f"experiment={preset}", "data.root=images")
    model = config.model
    assert model.network == composed("model=r3gan", f"model/network={preset}", "data.channels=3").model.network
    assert config.data.image_size == 4 * 2 ** (len(published.widths) - 1)
    assert (config.data.batch_size, config.data.mirror, model.latent_dim) == (published.batch, True, NOISE)
    assert (model.n_critic, model.n_generator, model.generator_batch) == (1, 1, "own")
    assert (model.penalty.r1.gamma, model.penalty.r2.gamma) == (published.gamma.last, published.gamma.last)
    assert model.ema_half_life == published.ema
    assert config.trainer.max_steps % 2 == 0  # as many batches of the one player as of the other
    images = config.trainer.max_steps // 2 * published.batch
    assert 20e6 <= images < 20e6 + published.batch


def test_the_changes_are_those_of_the_code() -> None:
    """The arguments of AugmentPipe: 1 for all of its blits and geometry and for the cutout, 0.5 for all colours."""
    for preset in PRESETS:
        pipeline = composed(f"experiment={preset}", "data.root=images").model.augment.pipeline
        assert set(pipeline.blit) == {"flip", "quarter_turns", "translation"}
        assert set(pipeline.geometry) == {"scale", "rotation", "stretch", "translation"}
        assert set(pipeline.colour) == {"brightness", "contrast", "luma_flip", "hue", "saturation"}
        assert (pipeline.corruption, pipeline.colour_share) == (["cutout"], 0.5)


# Images seen of both players, and how far half a cosine is after 0, 10, 20, 40 and 41 of 40 million:
# (1 - cos 45 degrees) / 2 = 0.14645 after a quarter.
WAY = {0: 0.0, 10_000_000: 0.1464466, 20_000_000: 0.5, 40_000_000: 1.0, 41_000_000: 1.0}


@pytest.mark.parametrize("preset", PRESETS)
def test_numbers_move_as_those_of_the_code(preset: str) -> None:
    published = PRESETS[preset]
    config = composed(f"experiment={preset}", "data.root=images").model
    with torch.device("meta"):
        model = build(config)
    assert not model.needs_an_end
    rates = {player: config.optimizer[player].lr for player in ("generator", "discriminator")}
    assert {config.optimizer[player].betas[0] for player in rates} == {0.0}
    ways = {
        "beta2": Way(0.9, 0.99),
        "gamma": published.gamma,
        "ema_half_life": Way(0, published.ema),
        "augment": Way(0, published.p),
        **dict.fromkeys(rates, Way(2e-4, 5e-5)),
    }
    for images, share in WAY.items():
        found = scheduled.numbers(model.schedule, Moment(0.0, images))
        found |= {player: found[player] * rate for player, rate in rates.items()}
        expected = {name: way.first + (way.last - way.first) * share for name, way in ways.items()}
        assert found == pytest.approx(expected, rel=1e-6)
    half_way = scheduled.numbers(model.schedule, Moment(0.0, 20_000_000))
    assert half_way == pytest.approx(HALF_WAY[preset])


# As worked by hand; the factor of 2e-4 that is 1.25e-4, the mean of 2e-4 and 5e-5.
HALF_WAY = {
    "r3gan_cifar10": {"gamma": 0.0275, "ema_half_life": 2_500_000, "augment": 0.275},
    "r3gan_ffhq64": {"gamma": 1.1, "ema_half_life": 250_000, "augment": 0.15},
    "r3gan_ffhq256": {"gamma": 82.5, "ema_half_life": 250_000, "augment": 0.15},
}
for numbers in HALF_WAY.values():
    numbers |= {"generator": 0.625, "discriminator": 0.625, "beta2": 0.945}
