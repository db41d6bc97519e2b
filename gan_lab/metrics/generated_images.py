"""Generated images on their way into a metric."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from gan_lab.metrics.protocol import Weights
from gan_lab.utils import images, seeding

GENERATED_AT_ONCE = 500  # images
Generated = tuple[Tensor, Tensor | None]


class Sampler(Protocol):
    """What a model that draws from noise offers."""

    @property
    def generator_ema(self) -> object | None:
        """The generator's moving average, if it keeps one."""

    def sample_latents(self, count: int, seed: int) -> Tensor:
        """Latents (count, ...) of a seed, on the device that draws."""

    def make_condition(self, count: int) -> tuple[Tensor, ...]:
        """What to `sample` so many images with: nothing, or the classes (count,) to draw."""

    def sample(self, latents: Tensor, *condition: Tensor, ema: bool) -> Tensor:
        """Images in [-1, 1] for latents (n, ...)."""


def weights_of(model: Sampler, *, ema: bool) -> Weights:
    """Which weights draw: the moving average where it is wanted and the model keeps one."""
    return "ema" if ema and model.generator_ema is not None else "raw"


def generated(
    model: Sampler, count: int, *, seed: int, ema: bool, rank: int = 0, world_size: int = 1
) -> Iterator[Generated]:
    """Batches of uint8 images (n, channels, height, width), and the classes (n,) that were asked for, if any were.

    The latents come from a generator of their own: what is drawn here doesn't change what training draws. A
    conditional model is asked for every class equally often.

    Args:
        model: draws.
        count: of images, by all processes together.
        seed: of the latents; the i-th image is the same however many processes share the work.
        ema: whether the generator's moving average draws, where there is one.
        rank: this process, which draws images rank, rank + world_size, ...
        world_size: number of processes.
    """
    latents = model.sample_latents(count, seeding.derive(seed, "quality"))
    share = [part[rank::world_size] for part in (latents, *model.make_condition(count))]
    for batch, *condition in zip(*(torch.split(part, GENERATED_AT_ONCE) for part in share), strict=True):
        pixels = images.to_uint8(model.sample(batch, *condition, ema=ema))
        yield pixels, condition[0] if condition else None
