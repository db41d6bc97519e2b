"""Paths between latents and between classes, and the frames along them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gan_lab.evaluation.latents import Points, Space
from gan_lab.utils import images
from gan_lab.utils.errors import UserError

PARALLEL = 1e-6  # sine of the angle between latents below which a sphere has no way of its own between them
STEP = 24  # frames from one point to the next, by default
TILES = 100  # classes that a frame shows at most


@dataclass(frozen=True, kw_only=True)
class Film:
    """Frames that a generator is about to make.

    Args:
        space: of the run.
        values: latents or styles of the frames, (frames, ...).
        shares: of classes, for each tile of a frame (frames, classes); one None where the model takes none.
        title: what the frames show.
    """

    space: Space
    values: Tensor
    shares: Sequence[Tensor | None]
    title: str

    def frames(self) -> Iterator[Tensor]:
        """The frames, uint8 (channels, height, width) on the CPU; several classes are tiles of one picture."""
        if len(self.shares) == 1:
            for batch in self.space.pixels(self.values, self.shares[0]):
                yield from batch
            return
        columns = 5 if len(self.shares) == 10 else round(len(self.shares) ** 0.5 + 0.49)
        for tiles in zip(*(self._track(shares) for shares in self.shares), strict=True):
            yield images.tiled(torch.stack(tiles), columns)

    def _track(self, shares: Tensor | None) -> Iterator[Tensor]:
        for batch in self.space.pixels(self.values, shares):
            yield from batch


def lerp(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Points on the straight line between (n, ...) and (n, ...), at shares (n,) of the way."""
    share = share.view(-1, *[1] * (start.dim() - 1)).to(start)
    return start + share * (end - start)


def slerp(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Points on the great circle between vectors (n, size) and (n, size), at shares (n,) of the way.

    White 2016, section 2.1 (arXiv:1609.04468). Normal vectors of many dimensions lie near a sphere, and a straight line
    between them leaves it: the generator has hardly seen its middle. Lengths go over into each other. Vectors that are
    parallel, opposite or zero are joined by a line.
    """
    share = share.view(-1, 1).to(start)
    cosine = torch.cosine_similarity(start.double(), end.double(), dim=1).clamp(-1, 1)[:, None]
    angle = torch.arccos(cosine)
    sine = angle.sin()
    first, second = (((part * angle).sin() / sine).to(start) for part in (1 - share.double(), share.double()))
    has_angle = (sine > PARALLEL) & (start.norm(dim=1) * end.norm(dim=1) > 0)[:, None]
    return torch.where(has_angle, first * start + second * end, lerp(start, end, share[:, 0]))


def places(points: int, frames: int, loop: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The frames' places on a path through points, equally far from each other.

    Returns:
        For each frame the points before and after it, int64 (frames,), and its share of the way between, float64
        (frames,). A loop leads back to the first point, and its last frame lies just before that.
    """
    pieces = points if loop else points - 1
    steps = frames if loop else max(1, frames - 1)
    along = torch.arange(frames, dtype=torch.float64) * pieces
    before = (along / steps).floor().long().clamp(max=max(0, pieces - 1))
    return before, (before + 1) % points, along / steps - before


def path(points: Tensor, frames: int, *, loop: bool, normal: int) -> Tensor:
    """Latents or styles (frames, ...) along a path through points (n, ...).

    Args:
        points: latents (n, size) or styles (n, layers, w_dim).
        frames: how many.
        loop: back to the first point.
        normal: leading values of a latent that go over a sphere; all others go straight.
    """
    before, after, share = (part.to(points.device) for part in places(len(points), frames, loop))
    start, end = points[before], points[after]
    if points.dim() == 3 or not normal:
        return lerp(start, end, share)
    round_ = slerp(start[:, :normal], end[:, :normal], share)
    return torch.cat((round_, lerp(start[:, normal:], end[:, normal:], share)), 1)


def interpolate(
    space: Space,
    *,
    seeds: Sequence[int] = (),
    file: Path | None = None,
    classes: Sequence[str] = (),
    frames: int | None = None,
    loop: bool = False,
    linear: bool = False,
    in_styles: bool = False,
) -> Film:
    """Get ready to make the frames of a path through the latents of seeds and of a file, and through classes.

    Args:
        space: of the run.
        seeds: the path leads through the first latent of each; by default of 0, 1, 2 and 3, or of 0 where only the
            class changes.
        file: of further latents, as `Space.read` reads them.
        classes: by name or number: one for all frames, or as many as there are latents; by default those of the file,
            or else each class in a tile of its own.
        frames: how many; by default 24 from each point to the next.
        loop: back to the first point.
        linear: in a straight line; by default latents go over the sphere that they lie on, and styles straight.
        in_styles: through the space of styles, w, where the generator has one; each point has the style of its class.

    Raises:
        UserError: there are no styles, classes or such file, or numbers that don't go together.
    """
    if in_styles and not space.has_styles:
        raise UserError("--space w: the generator of this run has no styles; model=stylegan2 has")
    labels = space.labels("--classes", classes)
    read = None if file is None else space.read("--latent", file)
    chosen = list(seeds) or ([] if read else [0] if len(labels) > 1 else [0, 1, 2, 3])
    count = len(chosen) + (len(read.values) if read else 0)
    if not labels and read is not None and read.labels is not None and not chosen and read.values.dim() == 2:
        labels = read.labels.tolist()
    points = max(count, len(labels))
    if count not in (1, points) or len(labels) not in (0, 1, points):
        raise UserError(
            f"--classes: {len(labels)} classes and {count} latents don't go together; give one of the two once, or as "
            "many as of the other"
        )
    if points < 2:
        raise UserError("--seeds: a path needs two points or more, such as --seeds 1,2 or several --classes")
    frames = frames or (points * STEP if loop else (points - 1) * STEP + 1)
    before, after, share = (part.to(space.model.device) for part in places(points, frames, loop))

    def mixed(labels: Sequence[int]) -> Tensor:
        one_hot = space.shares_of(labels if len(labels) > 1 else [*labels] * points)
        return lerp(one_hot[before], one_hot[after], share)

    tracks: list[Tensor | None] = [None]
    if in_styles or (read is not None and read.values.dim() == 3):
        latents = _styles(space, chosen, read, labels, points)
    else:
        latents = torch.cat([*([space.seeds(chosen)] if chosen else []), *([] if read is None else [read.values])])
        if len(set(labels)) > 1:
            space.refuse_blends("--classes")
        if not labels and space.classes > TILES and not space.categories:
            raise UserError(f"--classes: name one or several of the run's {space.classes} classes")
        if labels:
            tracks = [mixed(labels)]
        elif space.classes and not space.categories:
            tracks = [mixed([label]) for label in range(space.classes)]
    latents = latents if len(latents) > 1 else latents.expand(points, *latents.shape[1:])
    values = path(latents, frames, loop=loop, normal=0 if linear else space.normal)
    return Film(space=space, values=values, shares=tracks, title=f"{frames} frames through {points} points")


@torch.no_grad()
def _styles(space: Space, seeds: Sequence[int], read: Points | None, labels: Sequence[int], points: int) -> Tensor:
    """The styles of seeds, then those of a file or of its latents, each of a class where the generator takes any.

    Raises:
        UserError: the class of a latent is not known, or a style is to have another class than its own.
    """
    of_file = [] if read is None or read.values.dim() == 2 else [read.values]
    parts = [space.seeds(seeds)] if seeds else []
    parts += [read.values] if read is not None and not of_file else []
    if of_file and len(labels) > bool(parts):
        raise UserError("--classes: the styles in --latent have classes of their own; name that of --seeds alone")
    if not parts:
        return of_file[0]
    latents, shares = torch.cat(parts), None
    if space.classes:
        own = [] if read is None or read.labels is None else sorted({*read.labels.tolist()})
        known = list(labels) or (own if len(own) == 1 else [])
        if not known:
            raise UserError("--space w: styles of a conditional generator belong to a class each; name it by --classes")
        latents = latents.expand(points, -1) if len(known) > len(latents) else latents
        shares = space.shares_of(known * len(latents) if len(known) == 1 else known)
    return torch.cat([space.styles(latents, shares), *of_file])
