"""Images sampled from a run's generator."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gan_lab.data import listing
from gan_lab.evaluation import depths, load_generator
from gan_lab.models.latent import LatentGAN
from gan_lab.runs.run import Run, Which
from gan_lab.utils import hardware, images, memory, seeding
from gan_lab.utils.chunks import MOST
from gan_lab.utils.depth import EIGHT, Depth, shown
from gan_lab.utils.errors import UserError, nearest
from gan_lab.utils.memory import at_once
from gan_lab.utils.terminal import bar

PLAIN = re.compile(r"[^\W_][\w -]{0,60}(?<! )")  # a name for a folder on every system
MANY = 2000  # images from which on a progress bar is shown
LISTED = 20  # classes that a message lists
BYTES_PER_VALUE = 8  # of images as a whole, at the peak: float32 in batches and in one piece
BYTES_PER_CELL = 15  # of a grid's pixels, at the peak: its images, ordered, the grid in three colours, and its file


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Images that a generator is about to make. The seed and an index decide an image, whatever the count.

    Args:
        model: on its device.
        seed: of the latents.
        label: of all images, where they have one class; None otherwise.
        classes: that a conditional model takes in turn; 0 where it takes none.
        names: of the model's classes, by label; empty where they have none.
        ema: use the generator's moving average where there is one.
        truncation: as in `LatentGAN.sample`.
        count: number of images.
        shape: of an image, (channels, height, width).
        columns: of a grid; a conditional model's grid has whole rows of a class where the count allows.
        title: what the images are: "64 images", "64 images of class 3 (eels)".
        depth: of the images that the generator was trained on.
        display: numbers of the channels to look at, from 1 on; None for the default of `depth.shown`.
    """

    model: LatentGAN
    seed: int
    label: int | None
    classes: int
    names: Sequence[str]
    ema: bool
    truncation: float | None
    count: int
    shape: tuple[int, ...]
    columns: int
    title: str
    depth: Depth = EIGHT
    display: Sequence[int] | None = None

    @property
    def in_grid(self) -> Tensor:
        """The indices of the images in the order of a grid, int64 (count,)."""
        indices = torch.arange(self.count)
        in_rows = self.classes and self.count % self.classes == 0
        return indices.view(-1, self.classes).T.flatten() if in_rows else indices

    @property
    def labels(self) -> Tensor | None:
        """The labels of the images in their order, int64 (count,); None where they have none."""
        if self.label is not None:
            return torch.full((self.count,), self.label)
        return torch.arange(self.count) % self.classes if self.classes else None

    @property
    def first(self) -> "Drawing":
        """The same drawing with no more images than one looks at: 10 of each class, or 64."""
        count = min(self.count, 10 * self.classes or 64)
        in_rows = self.classes and count % self.classes == 0
        return replace(self, count=count, columns=count // self.classes if in_rows else math.ceil(math.sqrt(count)))

    def batches(self) -> Iterator[Tensor]:
        """Generate all images in their order: float32 (n, channels, height, width) in [-1, 1] on the model's device."""
        each = at_once(math.prod(self.shape), MOST)
        starts = range(0, self.count, each)
        for start in bar(starts, "Sampling", len(starts), "images", each) if self.count >= MANY else starts:
            yield self.draw(start, min(each, self.count - start))

    def whole(self) -> Tensor:
        """Generate all images in one piece: float32 (count, channels, height, width) in [-1, 1] on the CPU.

        Raises:
            UserError: they don't fit into memory.
        """
        _check_memory(self.count, self.count * math.prod(self.shape) * BYTES_PER_VALUE, "these images need")
        return torch.cat([batch.cpu() for batch in self.batches()])

    def pixels(self) -> Iterator[Tensor]:
        """Generate all images in their order: values of their depth (n, channels, height, width) on the CPU."""
        for batch in self.batches():
            yield self.depth.to_codes(batch).cpu()

    def grid(self) -> Tensor:
        """Generate all images as one picture, uint8 (3, height, width).

        Raises:
            UserError: it doesn't fit into memory.
        """
        height, width = self.shape[1:]
        _check_memory(
            self.count, self.count * (height + 2) * (width + 2) * BYTES_PER_CELL, "a grid of these images needs"
        )
        channels = shown(torch.empty(1, *self.shape), self.display).shape[1]
        pixels = torch.empty(self.count, channels, height, width, dtype=torch.uint8)
        start = 0
        for batch in (images.to_uint8(shown(batch, self.display)).cpu() for batch in self.batches()):
            pixels[start : start + len(batch)] = batch
            start += len(batch)
        return images.tiled(pixels[self.in_grid], self.columns)

    def draw(self, first: int, count: int) -> Tensor:
        """Generate the images from an index on.

        Raises:
            UserError: the generator knows no such truncation.
        """
        latents = self.model.seeded_latents(count, self.seed, first)
        turn = first % (self.classes or 1)  # the class of the first one, where they take turns
        condition = [part[turn:] for part in self.model.make_condition(turn + count, self.label)]
        try:
            return self.model.sample(latents, *condition, ema=self.ema, truncation=self.truncation)
        except ValueError as error:
            raise UserError(f"--truncation {self.truncation:g}: {error}") from error


def prepare(
    run: Run,
    *,
    which: Which,
    count: int | None,
    of_class: str | None,
    seed: int,
    ema: bool,
    truncation: float | None = None,
    device: str = "auto",
    per_class: int | None = None,
) -> Drawing:
    """Get ready to generate images; the same arguments give the same images.

    Args:
        run: finished or not.
        which: its last or best checkpoint.
        count: number of images; by default 64, or 10 of each class of a conditional model.
        of_class: name or number of the class of all images; by default a conditional model takes all classes in turn.
        seed: of the latents.
        ema: use the generator's moving average where there is one.
        truncation: as in `LatentGAN.sample`.
        device: by its name in torch; "auto" is the best there is. Latents are the same on all, and images differ in
            their last bits.
        per_class: number of images of each class, in place of `count`.

    Raises:
        UserError: the checkpoint is missing or damaged, the model doesn't generate from latents, has no such class or
            no such truncation, or there is no such device.
    """
    place = hardware.device(device)
    model = load_generator.load(run, which).to(place)
    classes = getattr(model, "num_classes", 0) if of_class is None else 0
    if per_class is not None and not classes and of_class is None:
        raise UserError(f"--per-class {per_class}: {_without_classes(model)}")
    count = per_class * (classes or 1) if per_class is not None else count or (10 * classes or 64)
    # Categories that a model finds by itself have no names.
    labelled = hasattr(model, "num_classes")
    names = [str(name) for name in run.data_record().get("classes") or []] if labelled else []
    try:
        label = None if of_class is None else label_of(of_class, names, model)
        model.make_condition(1, label)  # refuses what there is not
    except ValueError as error:
        raise UserError(f"--class {of_class}: {error}") from error
    in_rows = classes and count % classes == 0
    title = "1 image" if count == 1 else f"{count} images"
    if label is not None:
        title += f" of class {label}" + (f" ({names[label]})" if label < len(names) else "")
    if truncation is not None:
        title += f", truncated to {truncation:g},"
    drawing = Drawing(
        model=model,
        seed=seeding.derive(seed, "sample"),
        label=label,
        classes=classes,
        names=names,
        ema=ema,
        truncation=truncation,
        count=count,
        shape=(),
        columns=count // classes if in_rows else math.ceil(math.sqrt(count)),
        title=title,
        depth=depths.of_run(run),
        display=depths.display(run),
    )
    return replace(drawing, shape=tuple(drawing.draw(0, 1).shape[1:]))


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
    if not names:
        raise ValueError("no such class. The run's classes have numbers only.")
    hint = f"{hint} " if (hint := nearest(of_class, names)).startswith("Did") else ""
    known = ", ".join(f"{label} {name}" for label, name in enumerate(names[:LISTED]))
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    raise ValueError(f"no such class. {hint}The run has {known}{more}.")


def class_folders(names: Sequence[str], classes: int) -> list[str]:
    """Names for folders of classes that every reader sorts by label, of letters, digits and spaces.

    They are the classes' own where these sort by label, both as texts and by the numbers in them, and none stands for a
    split of a dataset. Else they begin with the label, written with as many digits as the largest.

    Args:
        names: of the classes; a stranger's, perhaps. Empty where they have none.
        classes: how many there are.
    """
    own = list(names)
    if len(own) == classes and own == sorted(own) == listing.in_natural_order({*own}):
        folded = {name.casefold() for name in own}
        if len(folded) == classes and all(map(PLAIN.fullmatch, own)) and not any(map(listing.SPLIT.fullmatch, folded)):
            return own
    digits = len(str(max(0, classes - 1)))
    ends = [re.sub(r"\W+", "_", name)[:60].strip("_") for name in own] if len(own) == classes else [""] * classes
    return [f"{label:0{digits}d}" + (f"_{end}" if end else "") for label, end in enumerate(ends)]


def _without_classes(model: LatentGAN) -> str:
    if hasattr(model, "categories"):
        return "the categories of this run were found, and don't take turns; add --class with one of them"
    return f"{type(model).__name__} knows no classes; model=cgan does"


def _check_memory(count: int, needed: int, what: str) -> None:
    available = memory.available()
    if needed > available:
        raise UserError(
            f"--count {count}: {what} {needed / 1e9:,.0f} GB of memory, and {available / 1e9:.0f} GB are available; "
            "write them to a folder or a .npy file, which takes any number, or generate fewer"
        )
