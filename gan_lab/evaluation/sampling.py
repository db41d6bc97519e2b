"""Images sampled from a run's generator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_lab.evaluation import load_generator
from gan_lab.models.latent import LatentGAN
from gan_lab.runs.run import Run, Which
from gan_lab.utils import memory, seeding
from gan_lab.utils.errors import UserError, nearest

CHUNK = 500  # images generated at a time
BYTES_PER_VALUE = 8  # at the peak: float32 in chunks and as a whole


@dataclass(frozen=True)
class Samples:
    """Generated images, and what belongs to their presentation.

    Args:
        images: float32 (count, channels, size, size) in [-1, 1]; the seed and an index decide an image, whatever the
            count, and a conditional model takes its classes in turn.
        in_grid: the indices of the images in the order of a grid, int64 (count,).
        title: what the images are: "64 images", "64 images of class 3 (eels)".
        columns: of a grid; a conditional model's grid has whole rows of a class where the count allows.
        images_seen: number of real images that the generator was trained on.
    """

    images: Tensor
    in_grid: Tensor
    columns: int
    title: str
    images_seen: int


def sample(
    run: Run,
    *,
    which: Which,
    count: int | None,
    of_class: str | None,
    seed: int,
    ema: bool,
    truncation: float | None = None,
) -> Samples:
    """Generate images; the same arguments give the same images.

    Args:
        run: finished or not.
        which: its last or best checkpoint.
        count: number of images; by default 64, or 10 of each class of a conditional model.
        of_class: name or number of the class of all images; by default a conditional model takes all classes in turn.
        seed: of the latents.
        ema: use the generator's moving average where there is one.
        truncation: as in `LatentGAN.sample`.

    Raises:
        UserError: the checkpoint is missing or damaged, the model doesn't generate from latents, has no such class or
            knows no truncation, or the images don't fit into memory.
    """
    model = load_generator.load(run, which)
    classes = getattr(model, "num_classes", 0) if of_class is None else 0
    count = count or (10 * classes or 64)
    data = run.config().data
    _check_memory(count, count * data.channels * data.image_size**2)
    # Categories that a model finds by itself have no names.
    labelled = hasattr(model, "num_classes")
    names = [str(name) for name in run.data_record().get("classes") or []] if labelled else []
    try:
        label = None if of_class is None else label_of(of_class, names, model)
        condition = model.make_condition(count, label)
    except ValueError as error:
        raise UserError(f"--class {of_class}: {error}") from error
    latents = model.seeded_latents(count, seeding.derive(seed, "sample"))
    chunks = zip(*(torch.split(part, CHUNK) for part in (latents, *condition)), strict=True)
    try:
        images = torch.cat([model.sample(*chunk, ema=ema, truncation=truncation) for chunk in chunks])
    except ValueError as error:
        raise UserError(f"--truncation {truncation}: {error}") from error
    in_grid, columns = torch.arange(count), math.ceil(math.sqrt(count))
    if classes and count % classes == 0:
        in_grid, columns = in_grid.view(-1, classes).T.flatten(), count // classes
    title = f"{count} images"
    if label is not None:
        title += f" of class {label}" + (f" ({names[label]})" if label < len(names) else "")
    if truncation is not None:
        title += f", truncated to {truncation:g},"
    return Samples(images, in_grid, columns, title, model.images_seen)


def label_of(of_class: str, names: Sequence[str], model: LatentGAN) -> int:
    """The label of a class, by its name or its number; a name goes before the same number.

    Args:
        of_class: name or number.
        names: of the classes of a run, by label; empty where they have none.
        model: of the run.

    Raises:
        ValueError: no class has this name, or the model knows no classes.
    """
    if of_class in names:
        return names.index(of_class)
    if of_class.isdecimal():
        return int(of_class)
    model.make_condition(1, 0)  # raises where the model knows no classes
    known = nearest(of_class, names) if names else "The run's classes have numbers only."
    raise ValueError(f"no such class. {known}")


def _check_memory(count: int, values: int) -> None:
    needed, available = values * BYTES_PER_VALUE, memory.available()
    if needed > available:
        raise UserError(
            f"--count {count}: these images need {needed / 1e9:,.0f} GB of memory, and {available / 1e9:.0f} GB are "
            "available; generate fewer at a time, each time with another --seed"
        )
