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


def classes_like(labels: Tensor, count: int) -> Tensor:
    """Classes for `count` images, int64 (count,), each as often as among labels (n,), int64, from 0 on.

    An index decides its class. Classes with c of n labels come at the times (j + 1/2) n / c, so that every part of the
    sequence has their frequencies, n images have them exactly, and classes of equal size take turns.
    """
    counts = torch.bincount(labels.cpu())
    of_each = counts.repeat_interleave(counts)
    place = torch.arange(len(of_each)) - (counts.cumsum(0) - counts).repeat_interleave(counts)
    order = ((place.double() + 0.5) / of_each).argsort(stable=True)
    turns = torch.arange(len(counts)).repeat_interleave(counts)[order]
    return turns[torch.arange(count) % len(turns)]


def generate_images(
    model: Sampler,
    count: int,
    *,
    seed: int,
    ema: bool,
    like: Tensor | None = None,
    rank: int = 0,
    world_size: int = 1,
    display: Sequence[int] | None = None,
) -> Iterator[Generated]:
    """Generate uint8 images (n, channels, height, width) in batches, with their classes (n,) if the model takes any.

    The latents come from a random generator of their own, so that training draws the same numbers as without.

    Args:
        model: the model that generates.
        count: number of images, of all processes together.
        seed: of the latents; the i-th image is the same for any count and number of processes.
        ema: True generates with the generator's moving average, where there is one.
        like: labels (n,) of real images: a conditional model is asked for their classes as often as these have them
            (`classes_like`). None asks for all classes in turn.
        rank: this process, which generates images rank, rank + world_size, ...
        world_size: number of processes.
        display: numbers of the channels that are looked at, as of `depth.shown`.
    """
    latents = model.seeded_latents(count, seeding.derive(seed, "quality"))
    asked = model.make_condition(count)
    if asked and like is not None:
        asked = (classes_like(like, count).to(latents.device),)
    share = [part[rank::world_size] for part in (latents, *asked)]
    first = model.sample(latents[:1], *(part[:1] for part in model.make_condition(1)), ema=ema)  # which tells the size
    most = at_once(first.numel(), GENERATED_AT_ONCE)
    batches = [*zip(*(torch.split(part, most) for part in share), strict=True)]
    shown = bar(batches, "Scoring", len(batches), "images", most * world_size) if count >= MANY else batches
    for batch, *condition in shown:
        pixels = images.to_uint8(depth.shown(model.sample(batch, *condition, ema=ema), display))
        yield pixels, condition[0] if condition else None
