"""Images sampled from a run's generator."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_lab.evaluation import load_generator
from gan_lab.runs.run import Run, Which
from gan_lab.utils import memory, seeding
from gan_lab.utils.errors import UserError

CHUNK = 500  # images generated at a time
BYTES_PER_VALUE = 8  # at the peak: float32 in chunks and as a whole


@dataclass(frozen=True)
class Samples:
    """Generated images, and what belongs to their presentation.

    Args:
        images: float32 (count, channels, size, size) in [-1, 1]; the seed and an index decide an image, whatever the
            count, and a conditional model takes its classes in turn.
        in_grid: the indices of the images in the order of a grid, int64 (count,).
        columns: of a grid; a conditional model's grid has whole rows of a class where the count allows.
        images_seen: number of real images that the generator was trained on.
    """

    images: Tensor
    in_grid: Tensor
    columns: int
    images_seen: int


def sample(run: Run, *, which: Which, count: int | None, label: int | None, seed: int, ema: bool) -> Samples:
    """Generate images; the same arguments give the same images.

    Args:
        run: finished or not.
        which: its last or best checkpoint.
        count: number of images; by default 64, or 10 of each class of a conditional model.
        label: the class of all images; by default a conditional model generates all classes, in turn.
        seed: of the latents.
        ema: use the generator's moving average where there is one.

    Raises:
        UserError: the checkpoint is missing or damaged, the model doesn't generate from latents or has no such class,
            or the images don't fit into memory.
    """
    model = load_generator.load(run, which)
    classes = getattr(model, "num_classes", 0) if label is None else 0
    count = count or (10 * classes or 64)
    data = run.config().data
    _check_memory(count, count * data.channels * data.image_size**2)
    try:
        condition = model.make_condition(count, label)
    except ValueError as error:
        raise UserError(f"--class {label}: {error}") from error
    latents = model.seeded_latents(count, seeding.derive(seed, "sample"))
    chunks = zip(*(torch.split(part, CHUNK) for part in (latents, *condition)), strict=True)
    images = torch.cat([model.sample(*chunk, ema=ema) for chunk in chunks])
    in_grid, columns = torch.arange(count), math.ceil(math.sqrt(count))
    if classes and count % classes == 0:
        in_grid, columns = in_grid.view(-1, classes).T.flatten(), count // classes
    return Samples(images, in_grid, columns, model.images_seen)


def _check_memory(count: int, values: int) -> None:
    needed, available = values * BYTES_PER_VALUE, memory.available()
    if needed > available:
        raise UserError(
            f"--count {count}: these images need {needed / 1e9:,.0f} GB of memory, and {available / 1e9:.0f} GB are "
            "available; generate fewer at a time, each time with another --seed"
        )
