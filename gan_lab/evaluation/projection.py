"""Latents of images, found by optimisation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lab.data import image_files, sources, threads, values
from gan_lab.data.image_files import BACKGROUND
from gan_lab.evaluation import depths
from gan_lab.evaluation.latents import Points, Space
from gan_lab.metrics.pixel_scores import psnr
from gan_lab.utils import chunks, images, seeding
from gan_lab.utils.depth import Depth, shown
from gan_lab.utils.errors import UserError
from gan_lab.utils.memory import at_once
from gan_lab.utils.terminal import bar

TRIED = 512  # random latents that starts are chosen from, of each class that is searched at least 16
PER_CLASS = 16
FIRST_SHARE = 0.25  # of the steps, after which a quarter of the starts goes on
KEPT = 4
RATE = 0.1  # Adam's, in deviations of a latent; falls to zero along a cosine
STEP = 2.0**-24  # between floating points, as a share of the window: what training keeps of them
SATURATED = 1 - 1e-6  # of a target: what leaves the range beyond it is clipped where pixels are made


@dataclass(frozen=True)
class Projection:
    """Latents that were found, and what they give.

    Args:
        points: latents or styles, one for each image, with labels where the model takes any.
        targets: (n, channels, height, width), values of the depth.
        found: images of the points, (n, channels, height, width), values of the depth.
        psnr: of these, in dB, float64 (n,), with the window's width as the largest signal.
        depth: of the run's images.
        display: numbers of the channels to look at, from 1 on; None for the default of `depth.shown`.
    """

    points: Points
    targets: Tensor
    found: Tensor
    psnr: Tensor
    depth: Depth
    display: Sequence[int] | None

    def picture(self) -> Tensor:
        """Each image beside what was found for it, uint8 (3, height, width), in the channels that are looked at."""
        pairs = torch.stack((self.targets, self.found), 1).flatten(0, 1)
        return images.tiled(shown(self.depth.to_uint8(pairs), self.display), 2)


def read(paths: Sequence[Path], space: Space) -> Tensor:
    """Images of files as a run sees them: values of its depth (n, channels, height, width).

    Raises:
        UserError: one can't be read.
    """
    channels, *size = space.shape
    data = space.run.config().data
    options = {"background": data.get("background", BACKGROUND), "fit": data.get("fit", "crop")}
    found = []
    for path in paths:
        try:
            source, name = sources.single(path, data.get("axis", 2))
            window = depths.window(space.run, [name], source)
            if values.needed(window.kind, channels) or source.holds_array(name):
                picture = values.read(name, size, channels, source=source, window=window, **options)
            else:
                picture = image_files.read(name, size, channels, window=window, **options)
            found.append(torch.from_numpy(picture.pixels.copy()))
        except Exception as error:  # of any of Pillow's decoders
            raise UserError(f"{path}: can't be read as an image: {threads.reason_of(error)}") from error
    return torch.stack(found)


def project(space: Space, targets: Tensor, *, label: int | None, starts: int, steps: int, seed: int = 0) -> Projection:
    """Find a latent for each image, or a w where the generator has styles.

    Of many random latents those whose images are nearest begin, in each class where the class is searched. Adam
    descends the squared differences of pixels and of means over 2x2 and 4x4 places, which lead past details. After a
    quarter of the steps the best quarter of the starts goes on. Karras et al. 2020, appendix D (arXiv:1912.04958),
    project to w as well, with noise maps and features of a network in place of the means.

    Args:
        space: of the run, without truncation.
        targets: (n, channels, height, width), values of the run's depth.
        label: of all images; None searches, where the model takes any.
        starts: latents that are optimised side by side at first.
        steps: of Adam.
        seed: of the random latents.
    """
    found = [
        _one(space, target[None], label, starts, steps, seeding.derive(seed, "project"))
        for target in bar(targets, "Projecting", len(targets), "images")
    ]
    points = torch.cat([point for point, _ in found])
    labels = torch.cat([one for _, one in found if one is not None]) if space.classes else None
    shares = None if labels is None else space.shares_of(labels.tolist())
    made = space.batches(points, None if points.dim() == 3 else shares)
    depth = space.depth
    pixels = torch.cat([depth.to_codes(batch).cpu() for batch in made])
    near = psnr(pixels, targets, depth.span, 1 if depth.is_whole else depth.span * STEP)
    return Projection(Points(points, labels), targets, pixels, near, depth, space.display)


def _one(
    space: Space, target: Tensor, label: int | None, starts: int, steps: int, seed: int
) -> tuple[Tensor, Tensor | None]:
    goal = space.depth.to_float(target).to(space.model.device, space.model.dtype)
    latents, labels = _candidates(space, label, seed)
    shares = None if labels is None else space.shares_of(labels.tolist())
    values = latents
    if space.has_styles:
        with torch.no_grad():
            values = space.styles(latents, shares)[:, :1]  # one w, which all layers get
    losses = _losses(space, values, shares, goal)
    chosen = _best(losses, starts, labels)
    values, labels = values[chosen], None if labels is None else labels[chosen]
    first = max(1, round(steps * FIRST_SHARE))
    for count in (first, max(1, steps - first)):
        shares = None if labels is None else space.shares_of(labels.tolist())
        values, losses = _descend(space, values, shares, goal, count)
        chosen = losses.argsort()[: max(1, len(losses) // KEPT)]
        values, losses = values[chosen], losses[chosen]
        labels = None if labels is None else labels[chosen]
    return _whole(space, values[:1]), None if labels is None else labels[:1]


def _candidates(space: Space, label: int | None, seed: int) -> tuple[Tensor, Tensor | None]:
    if not space.classes:
        return space.draw(TRIED, seed), None
    if label is not None:
        return space.draw(TRIED, seed), torch.full((TRIED,), label, device=space.model.device)
    count = max(TRIED, PER_CLASS * space.classes)
    return space.draw(count, seed), torch.arange(count, device=space.model.device) % space.classes


def _best(losses: Tensor, starts: int, labels: Tensor | None) -> Tensor:
    """The indices of the lowest losses; where there are classes, the best of each comes before its second best."""
    order = losses.argsort()
    if labels is None:
        return order[:starts]
    seen: dict[int, int] = {}
    ranks = []
    for index in order.tolist():
        kind = int(labels[index])
        seen[kind] = seen.get(kind, 0) + 1
        ranks.append(seen[kind])
    by_rank = torch.tensor(ranks).argsort(stable=True).to(order.device)
    return order[by_rank][:starts]


def _whole(space: Space, values: Tensor) -> Tensor:
    """Latents as they are, and a w (n, 1, w_dim) for each layer."""
    if not space.has_styles:
        return values.detach()
    return _expanded(space, values.detach()).contiguous()


def _rendered(space: Space, values: Tensor, shares: Tensor | None) -> Tensor:
    return space.images(_expanded(space, values)) if space.has_styles else space.images(values, shares)


def _expanded(space: Space, values: Tensor) -> Tensor:
    return values.expand(-1, space.styles_shape[0], -1)


@torch.no_grad()
def _losses(space: Space, values: Tensor, shares: Tensor | None, goal: Tensor) -> Tensor:
    def measured(*part: Any) -> Tensor:
        return distance(_rendered(space, *part), goal)

    most = at_once(math.prod(space.shape), 64)
    losses: Tensor = chunks.applied(space.network, values, shares, by=measured, most=most)
    return losses


def _descend(space: Space, values: Tensor, shares: Tensor | None, goal: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Descend, all starts side by side; returns them at their best, with their losses."""
    scale = float(values.std()) if space.has_styles else 1.0
    moved = values.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([moved], lr=RATE * scale)
    best, lowest = moved.detach().clone(), torch.full((len(moved),), math.inf, device=moved.device, dtype=moved.dtype)

    def learnt(*part: Any) -> Tensor:
        losses = distance(_rendered(space, *part), goal)
        if step < steps:  # the last images are only measured
            losses.sum().backward()  # type: ignore[no-untyped-call]
        return losses.detach()

    with torch.enable_grad():
        for step in range(steps + 1):
            optimizer.zero_grad()
            losses = chunks.applied(space.network, moved, shares, by=learnt, most=len(moved))
            better = losses < lowest
            best[better], lowest[better] = moved.detach()[better], losses[better]
            optimizer.param_groups[0]["lr"] = RATE * scale * (1 + math.cos(math.pi * step / steps)) / 2
            optimizer.step()
    return best, lowest


def distance(made: Tensor, goal: Tensor) -> Tensor:
    """Mean squared differences (n,) of images from one, in full and as means over 2x2 and 4x4 places.

    Values that leave [-1, 1] beyond a black or white pixel count as equal to it: they are clipped to it.
    """
    apart = made - goal
    beyond = ((made > 1) & (goal >= SATURATED)) | ((made < -1) & (goal <= -SATURATED))
    apart = torch.where(beyond, torch.zeros_like(apart), apart)
    total = apart.square().flatten(1).mean(1)
    for side in (2, 4):
        if min(apart.shape[2:]) >= side:
            total = total + F.avg_pool2d(apart, side).square().flatten(1).mean(1)
    return total
