"""A generator as a function of its latents: those of seeds, of files, and of classes and what lies between them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.evaluation import depths, load_generator
from gan_lab.evaluation.sampling import Drawing, label_of
from gan_lab.metrics import tensor_files
from gan_lab.models.ema import MovingAverage
from gan_lab.models.two_players import evaluating
from gan_lab.runs.run import Run, Which
from gan_lab.utils import chunks, hardware, images, seeding
from gan_lab.utils.chunks import MOST
from gan_lab.utils.depth import shown
from gan_lab.utils.errors import DamagedFileError, UserError, reason
from gan_lab.utils.files import open_regular
from gan_lab.utils.memory import at_once

PROBED = 4096  # latents by which the spread of styles is measured
LATENT, STYLES, LABEL = "latent", "w", "label"  # names of tensors in a file
ARRAY, TENSORS = ".npy", ".safetensors"


@dataclass(frozen=True)
class Points:
    """Latents, or styles, and the labels that belong to them.

    Args:
        values: latents (n, size), or a w for each layer (n, layers, w_dim).
        labels: int64 (n,); None where none are known.
    """

    values: Tensor
    labels: Tensor | None = None


class Space:
    """The generator of a run, whose images are functions of latents, and of shares of the classes.

    Latents are (n, size), of which the first `normal` values are normal; the rest are codes of InfoGAN. Where the
    generator has a mapping network, styles (n, layers, w_dim) take their place. Shares are (n, classes), each row of
    sum 1. Images are differentiable.

    Args:
        run: finished or not.
        which: its last or best checkpoint.
        ema: use the generator's moving average where there is one.
        device: by its name in torch.
        truncation: as in `LatentGAN.sample`.

    Raises:
        UserError: the run has no checkpoint, or generates from no latents; or there is no such device or truncation.
    """

    def __init__(
        self, run: Run, *, which: Which, ema: bool, device: str = "auto", truncation: float | None = None
    ) -> None:
        place = hardware.device(device)
        self.run = run
        self.model: Any = load_generator.load(run, which).to(place).requires_grad_(False)
        self.truncation = truncation
        self.depth, self.display = depths.of_run(run), depths.display(run)
        network = self.model.sampling_network(ema)
        self.network: nn.Module = network.network if isinstance(network, MovingAverage) else network
        self.joins = hasattr(self.network, "joined")  # latents and labels, for the generator inside
        self.core: Any = self.network.generator if self.joins else self.network
        self.has_styles = hasattr(self.core, "map") and hasattr(self.core, "synthesise")
        self.categories = int(getattr(self.model, "categories", 0))  # that the model has found
        self.classes = int(getattr(self.model, "num_classes", self.categories))
        known = run.data_record().get("classes") if hasattr(self.model, "num_classes") else None
        self.names = [str(name) for name in known or []]
        self.normal = int(self.model.latent_dim)
        self._check_truncation()
        with torch.no_grad():
            shares = self.shares_of([0]) if self.classes else None
            first = self.images(self.seeds([0]), shares)
            self.styles_shape = tuple(self.styles(self.seeds([0]), shares).shape[1:]) if self.has_styles else ()
        self.shape = tuple(first.shape[1:])  # of an image, (channels, height, width)

    def _check_truncation(self) -> None:
        if self.truncation is None:
            return
        try:
            if self.has_styles and not 0 <= self.truncation <= 1:
                raise ValueError("must be from 0 to 1, a share of the distance from the mean style")
            if not self.has_styles:
                self.model.truncate(self.model.seeded_latents(1, 0), self.truncation)
        except ValueError as error:
            raise UserError(f"--truncation {self.truncation:g}: {error}") from error

    def seeds(self, seeds: Sequence[int]) -> Tensor:
        """The first latent of each seed (n, size): that of the first image that `sample` draws with it."""
        drawn = torch.cat([self.model.seeded_latents(1, seeding.derive(seed, "sample")) for seed in seeds])
        if self.truncation is None or self.has_styles:
            return drawn
        cut: Tensor = self.model.truncate(drawn, self.truncation)
        return cut

    def draw(self, count: int, seed: int) -> Tensor:
        """So many latents (count, size) of a seed."""
        drawn: Tensor = self.model.seeded_latents(count, seed)
        return drawn

    def labels(self, option: str, classes: Sequence[str]) -> list[int]:
        """The labels of classes by name or number.

        Raises:
            UserError: the model has no such class, or no classes.
        """
        labels = []
        for name in classes:
            try:
                labels.append(label_of(name, self.names, self.model))
                self.model.make_condition(1, labels[-1])
            except ValueError as error:
                raise UserError(f"{option} {name}: {error}") from error
        return labels

    def name(self, label: int) -> str:
        """The name of a class, or its number."""
        return self.names[label] if label < len(self.names) else str(label)

    def shares_of(self, labels: Sequence[int]) -> Tensor:
        """Shares (n, classes) of one class each."""
        one_hot = F.one_hot(torch.tensor(labels, device=self.model.device), self.classes)
        return one_hot.to(self.model.dtype)

    def refuse_blends(self, option: str) -> None:
        """Refuse to go between classes where the network knows none but whole ones.

        Raises:
            UserError: it does.
        """
        if not self.categories and not getattr(self.network, "blends_labels", False):
            raise UserError(
                f"{option}: {type(self.core).__name__} takes whole classes only, nothing between them; give one class, "
                "or choose model/conditioning=concat or model/network=biggan for a new run"
            )

    def images(self, values: Tensor, shares: Tensor | None = None) -> Tensor:
        """Images (n, channels, height, width) of latents or styles, part of the graph where these are."""
        with evaluating(self.network):
            if values.dim() == 3:
                of_styles: Tensor = self.core.synthesise(values)
                return of_styles
            if self.has_styles and self.truncation is not None:
                truncated: Tensor = self.core.synthesise(self.styles(values, shares))
                return truncated
            made: Tensor = self.network(*self._inputs(values, shares))
            return made

    def styles(self, latents: Tensor, shares: Tensor | None = None) -> Tensor:
        """A w for each layer (n, layers, w_dim), truncated, of latents (n, size)."""
        inputs = self._inputs(latents, shares)
        if self.joins:
            inputs = (self.network.joined(*inputs),)  # type: ignore[operator]
        with evaluating(self.network):
            ws: Tensor = self.core.map(*inputs, 1.0 if self.truncation is None else self.truncation)
        return ws

    def _inputs(self, latents: Tensor, shares: Tensor | None) -> tuple[Tensor, ...]:
        if shares is None:
            return (latents,)
        if self.categories:
            noise, rest = latents[:, : self.normal], latents[:, self.normal + self.categories :]
            return (torch.cat((noise, shares, rest), 1),)
        is_whole = bool((shares.amax(1) == 1).all())
        return latents, shares.argmax(1) if is_whole else shares

    @torch.no_grad()
    def pixels(self, values: Tensor, shares: Tensor | None = None) -> Iterator[Tensor]:
        """Images to look at, of any number of latents or styles, a few at a time.

        uint8 (k, channels, height, width) on the CPU, of one channel or three: those of `data.display`.
        """
        for made in self.batches(values, shares):
            yield images.to_uint8(shown(made, self.display)).cpu()

    @torch.no_grad()
    def batches(self, values: Tensor, shares: Tensor | None = None) -> Iterator[Tensor]:
        """Images of any number of latents or styles, a few at a time, without gradients."""
        given = (values,) if shares is None else (values, shares)
        for parts in zip(*(torch.split(each, at_once(math.prod(self.shape), MOST)) for each in given), strict=True):
            yield chunks.applied(self.network, *parts, by=self.images)

    @torch.no_grad()
    def spread(self, shares: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The mean (w_dim,) of w without truncation, and its centred values (n, w_dim) of latents of a fixed seed.

        Args:
            shares: of classes (1, classes), for the spread inside one; None has a conditional generator's take turns.
        """
        latents = self.draw(PROBED, seeding.derive(0, "spread"))
        if shares is not None:
            shares = shares.expand(PROBED, -1)
        elif self.classes and not self.categories:
            shares = self.shares_of([index % self.classes for index in range(PROBED)])
        inputs = self._inputs(latents, shares)
        inputs = (self.network.joined(*inputs),) if self.joins else inputs  # type: ignore[operator]
        with evaluating(self.network):
            w: Tensor = self.core.map(*inputs)[:, 0]
        mean = w.mean(0)
        return mean, w - mean

    def read(self, option: str, path: Path) -> Points:
        """Latents of a file that `write` has made, or of a .npy file (size,), (n, size) or (n, layers, w_dim).

        Raises:
            UserError: it can't be read, or holds other latents than this run's.
        """
        tensors = self._tensors(option, path)
        values = tensors.get(STYLES, tensors.get(LATENT))
        if values is None:
            raise UserError(f"{option} {path}: holds no tensor named {LATENT} or {STYLES}")
        values = values[None] if values.dim() == 1 else values
        size = self.seeds([0]).shape[1]
        known: dict[int, tuple[int, ...]] = {2: (size,)}
        if self.has_styles:
            known[3] = self.styles_shape  # (layers, w_dim)
        if tuple(values.shape[1:]) != known.get(values.dim()) or not len(values):
            raise UserError(
                f"{option} {path}: holds values of shape {tuple(values.shape)}, and latents of this run have {size}"
            )
        if not values.is_floating_point() or not values.isfinite().all():
            raise UserError(f"{option} {path}: holds values that are not finite numbers")
        labels = tensors.get(LABEL)
        if labels is not None and (
            labels.shape != values.shape[:1] or labels.is_floating_point() or not self._are_classes(labels)
        ):
            raise UserError(f"{option} {path}: its labels are not those of this run's classes")
        like = self.seeds([0])
        return Points(values.to(like), None if labels is None else labels.long().to(like.device))

    def _are_classes(self, labels: Tensor) -> bool:
        return bool(((labels >= 0) & (labels < self.classes)).all())

    def _tensors(self, option: str, path: Path) -> dict[str, Tensor]:
        try:
            if path.suffix.lower() == TENSORS:
                return tensor_files.read(path)[0]
            if path.suffix.lower() == ARRAY:
                with open_regular(path) as file:
                    array = np.lib.format.read_array(file, allow_pickle=False)
                return {LATENT: torch.from_numpy(np.atleast_1d(array))}
        except (OSError, EOFError, ValueError, TypeError, DamagedFileError) as error:
            raise UserError(f"{option} {path}: can't be read: {reason(error)}") from error
        raise _unknown(option, path)

    def content(self, points: Points, path: Path) -> bytes:
        """The content of a file of latents, in the format of its name; only .safetensors keeps labels."""
        if path.suffix.lower() == ARRAY:
            array = BytesIO()
            np.lib.format.write_array(array, points.values.cpu().numpy(), allow_pickle=False)
            return array.getvalue()
        tensors = {STYLES if points.values.dim() == 3 else LATENT: points.values}
        if points.labels is not None:
            tensors[LABEL] = points.labels
        description = {"run": self.run.folder.absolute().name, "images_seen": int(self.model.images_seen)}
        return tensor_files.content(tensors, description)


@dataclass(frozen=True, kw_only=True)
class PointDrawing(Drawing):
    """Images that a generator is about to make of points that are given.

    Args:
        space: of the run.
        points: as many as images.
    """

    space: Space
    points: Points

    @property
    def labels(self) -> Tensor | None:
        """The labels of the images, int64 (count,); None where they have none."""
        return None if self.points.labels is None else self.points.labels[: self.count].cpu()

    @torch.no_grad()
    def draw(self, first: int, count: int) -> Tensor:
        """Generate the images from an index on."""
        part = slice(first, first + count)
        labels = self.points.labels
        shares = None if labels is None else self.space.shares_of(labels[part].tolist())
        return self.space.images(self.points.values[part], shares)


def draw_points(space: Space, *, seeds: Sequence[int], file: Path | None, of_class: str | None, ema: bool) -> Drawing:
    """Get ready to draw the first image of each seed, and those of a file of latents.

    A conditional model draws each of them in every class, unless the class is given, or kept in the file.

    Args:
        space: of the run.
        seeds: any number.
        file: as `Space.read` reads it.
        of_class: by name or number.
        ema: as the space has it.

    Raises:
        UserError: the model has no such class, or the file can't be read; or latents and styles come together.
    """
    label = None if of_class is None else space.labels("--class", [of_class])[0]
    points = [Points(space.seeds(seeds))] if seeds else []
    points += [] if file is None else [space.read("--latent", file)]
    if len({part.values.dim() for part in points}) > 1:
        raise UserError(f"--latent {file}: holds styles, which don't go together with --seeds; give one of the two")
    values = torch.cat([part.values for part in points])
    count, in_turn = len(values), 0
    labels = points[-1].labels if not seeds and label is None else None
    if label is not None:
        labels = torch.full((count,), label)
    elif labels is None and space.classes and not space.categories and values.dim() == 2:
        in_turn = space.classes
        values = values.repeat_interleave(in_turn, 0)
        labels = torch.arange(len(values)) % in_turn
    return PointDrawing(
        space=space,
        points=Points(values, labels),
        model=space.model,
        seed=0,
        label=label,
        classes=in_turn,
        names=space.names,
        ema=ema,
        truncation=space.truncation,
        count=len(values),
        shape=space.shape,
        columns=count if in_turn else math.ceil(math.sqrt(count)),
        depth=space.depth,
        display=space.display,
        title=f"{len(values)} images" + (f" of class {space.name(label)}" if label is not None else ""),
    )


def check_name(option: str, path: Path) -> None:
    """Refuse a name for a file of latents that says no format.

    Raises:
        UserError: it is neither .safetensors nor .npy.
    """
    if path.suffix.lower() not in (TENSORS, ARRAY):
        raise _unknown(option, path)


def _unknown(option: str, path: Path) -> UserError:
    return UserError(f"{option} {path}: unknown format {path.suffix}; a file of latents is {TENSORS} or {ARRAY}")
