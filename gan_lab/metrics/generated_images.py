"""Generation of the images that a metric is computed on."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from gan_lab.metrics.protocol import Weights
from gan_lab.utils import depth, images, seeding
from gan_lab.utils.memory import at_once
from gan_lab.utils.terminal import bar

GENERATED_AT_ONCE = 500  # images, at most
MANY = 2000  # images from which on a progress bar is shown
Generated = tuple[Tensor, Tensor | None]


class Sampler(Protocol):
    """A model that generates images from latents."""

    @property
    def generator_ema(self) -> object | None:
        """The generator's moving average, or None."""

    def seeded_latents(self, count: int, seed: int) -> Tensor:
        """Draw latents (count, ...), each by the seed and its index, on the model's device."""

    def make_condition(self, count: int) -> tuple[Tensor, ...]:
        """Make the condition of `count` samples: nothing, or their classes (count,)."""

    def sample(self, latents: Tensor, *condition: Tensor, ema: bool) -> Tensor:
        """Generate images in [-1, 1] from latents (n, ...)."""


def weights_of(model: Sampler, *, ema: bool) -> Weights:
    """Name the weights that generate: "ema" where the moving average is wanted and the model keeps one."""
    return "ema" if ema and model.generator_ema is not None else "raw"


def generate_images(
    model: Sampler,
    count: int,
    *,
    seed: int,
    ema: bool,
    rank: int = 0,
    world_size: int = 1,
    display: Sequence[int] | None = None,
) -> Iterator[Generated]:
    """Generate uint8 images (n, channels, height, width) in batches, with their classes (n,) if the model takes any.

    The latents come from a random generator of their own, so that training draws the same numbers as without. A
    conditional model generates equally many images of every class.

    Args:
        model: the model that generates.
        count: number of images, of all processes together.
        seed: of the latents; the i-th image is the same for any count and number of processes.
        ema: True generates with the generator's moving average, where there is one.
        rank: this process, which generates images rank, rank + world_size, ...
        world_size: number of processes.
        display: numbers of the channels that are looked at, as of `depth.shown`.
    """
    latents = model.seeded_latents(count, seeding.derive(seed, "quality"))
    share = [part[rank::world_size] for part in (latents, *model.make_condition(count))]
    first = model.sample(latents[:1], *(part[:1] for part in model.make_condition(1)), ema=ema)  # which tells the size
    most = at_once(first.numel(), GENERATED_AT_ONCE)
    batches = [*zip(*(torch.split(part, most) for part in share), strict=True)]
    shown = bar(batches, "Scoring", len(batches), "images", most * world_size) if count >= MANY else batches
    for batch, *condition in shown:
        pixels = images.to_uint8(depth.shown(model.sample(batch, *condition, ema=ema), display))
        yield pixels, condition[0] if condition else None
