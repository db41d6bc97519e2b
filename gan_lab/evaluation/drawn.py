"""Images that a trained generator draws to be measured."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gan_lab import images, seeding
from gan_lab.errors import UserError
from gan_lab.metrics.protocol import Weights
from gan_lab.models.latent import LatentGAN
from gan_lab.runs import Run

CHUNK = 500  # images drawn at a time
Drawn = tuple[Tensor, Tensor | None]


def load(run: Run) -> LatentGAN:
    """A run's model, on the CPU.

    Raises:
        UserError: there is no checkpoint, or the model doesn't draw from latents.
    """
    model = run.load_model()
    if not isinstance(model, LatentGAN):
        raise UserError(
            f"{run.folder}: {type(model).__name__} translates images, and draws none from noise: there is nothing to "
            "hold against a dataset; look at its grids in samples/"
        )
    return model


def weights_of(model: LatentGAN, *, ema: bool) -> Weights:
    """Which weights draw: the moving average where it is wanted and the model keeps one."""
    return "ema" if ema and model.average is not None else "raw"


def draw(model: LatentGAN, count: int, *, seed: int, ema: bool) -> Iterator[Drawn]:
    """Generated images, uint8 (n, channels, height, width), and the classes asked for, int64 (n,), in chunks.

    A conditional model is asked for every class equally often. The same arguments give the same images.

    Args:
        model: in the state it is to be measured in.
        count: images altogether.
        seed: of the latents.
        ema: whether the generator's moving average draws, where there is one.
    """
    latents = seeding.normal((count, model.latent_dim), seeding.derive(seed, "evaluate"))
    condition = model.ask_for(count)
    for chunk in zip(*(torch.split(part, CHUNK) for part in (latents, *condition)), strict=True):
        drawn = model.sample(*(part.to(model.device) for part in chunk), ema=ema)
        yield images.to_uint8(drawn), chunk[1] if len(chunk) > 1 else None


def some(model: LatentGAN, count: int, *, seed: int, ema: bool) -> Tensor:
    """A few images to look at, uint8 (count, channels, height, width): others than `draw` gives; arguments as there."""
    return torch.cat([drawn for drawn, _ in draw(model, count, seed=seeding.derive(seed, "some"), ema=ema)])
