"""Ways through the latents of a run in Python: paths, directions, projections, and the film of a training."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor

from gan_lab.api.checks import is_ema, one_of, which, whole
from gan_lab.cli.outputs import check_output, put, refuse_existing, replacing
from gan_lab.evaluation import directions, interpolation, projection, timelapse
from gan_lab.evaluation.directions import Directions
from gan_lab.evaluation.latents import Space, check_name
from gan_lab.runs.run import Run as RunFolder
from gan_lab.runs.run import Which
from gan_lab.utils import films, images
from gan_lab.utils.errors import UserError

Place = str | Path
Classes = Sequence[int | str]


@dataclass(frozen=True)
class Walk:
    """A sheet of directions.

    Args:
        picture: a row for each direction.
        directions: vectors in z, or in w of StyleGAN2; None of mixed styles.
    """

    picture: Image.Image
    directions: Directions | None


@dataclass(frozen=True)
class Projected:
    """Latents that were found for images.

    Args:
        latents: (n, latent_dim), or a w for each layer (n, layers, w_dim) of StyleGAN2, on the CPU.
        labels: int64 (n,); None where the model takes none.
        images: of the latents (n, channels, height, width), uint8 or of the type of `data.depth`.
        psnr: of these against the given ones, in dB, float64 (n,).
    """

    latents: Tensor
    labels: Tensor | None
    images: Tensor
    psnr: Tensor


class Explorable(ABC):
    """Ways through the latents and the grids of a run; `Run` is one."""

    @abstractmethod
    def _opened(self) -> AbstractContextManager[RunFolder]:
        """The run's folder, with errors of one line."""

    def interpolate(
        self,
        seeds: Sequence[int] = (),
        *,
        latents: Place | None = None,
        classes: Classes = (),
        frames: int | None = None,
        loop: bool = False,
        linear: bool = False,
        space: Literal["z", "w"] = "z",
        truncation: float | None = None,
        checkpoint: Which = "last",
        weights: Literal["ema", "raw"] = "ema",
        device: str = "auto",
        out: Place | None = None,
        fps: float = 24.0,
        force: bool = False,
    ) -> Tensor:
        """Generate the images along a path through latents, and through classes.

        Args:
            seeds: the path leads through the first latent of each; by default of 0 to 3.
            latents: a file of further ones, that `project` has kept.
            classes: numbers or names: one for all, or one for each latent; by default all, as tiles of a picture.
            frames: how many; by default 24 from each latent to the next.
            loop: back to the first.
            linear: in a straight line; by default over the sphere on which latents lie.
            space: "z" of latents, or "w" of styles.
            truncation: as of `sample`.
            checkpoint: "last" or "best".
            weights: "ema", the generator's moving average where there is one, or "raw".
            device: by its name in torch.
            out: a film to write as well: .gif, .png (APNG) or .mp4.
            fps: its frames a second.
            force: replace it.

        Returns:
            uint8 (frames, channels, height, width).

        Raises:
            UserError: the run generates from no latents, or an argument can't be taken.
        """
        with self._opened() as run:
            for seed in seeds:
                whole("seeds", seed, 0)
            if frames is not None:
                whole("frames", frames, 2)
            place = None if out is None else checked_film(out, fps, force)
            film = interpolation.interpolate(
                opened_space(run, checkpoint, weights, device, truncation),
                seeds=seeds,
                file=None if latents is None else Path(latents),
                classes=[*map(str, classes)],
                frames=frames,
                loop=loop,
                linear=linear,
                in_styles=one_of("space", space, ("z", "w")) == "w",
            )
            found = list(film.frames())
            write_film(found, place, fps)
            return torch.stack(found)

    def timelapse(
        self, out: Place | None = None, *, frames: int | None = None, fps: float = 6.0, force: bool = False
    ) -> Tensor:
        """The film of the training: its grids, with the images seen and the latest FID under each.

        Args:
            out: a film to write as well: .gif, .png (APNG) or .mp4.
            frames: at most so many grids.
            fps: frames a second of the film, whose last stays for two seconds.
            force: replace it.

        Returns:
            uint8 (frames, 3, height, width).

        Raises:
            UserError: the run has no grids, or the film can't be written.
        """
        with self._opened() as run:
            if frames is not None:
                whole("frames", frames, 1)
            place = None if out is None else checked_film(out, fps, force)
            found = list(timelapse.frames(timelapse.shots(run, most=frames)))
            write_film(found, place, fps, hold=2.0, scale=1)
            return torch.stack(found)

    def walk(
        self,
        method: Literal["sefa", "pca", "mix"] = "sefa",
        *,
        count: int = 8,
        steps: int = 7,
        extent: float = 3.0,
        seed: int = 0,
        seeds: Sequence[int] = (0, 1, 2, 3, 4, 5),
        layer: int | None = None,
        label: int | str | None = None,
        truncation: float | None = None,
        checkpoint: Which = "last",
        weights: Literal["ema", "raw"] = "ema",
        device: str = "auto",
    ) -> Walk:
        """Find directions in the latents that change images most, and draw a sheet of them.

        Args:
            method: "sefa", closed-form factorisation of the first layer; "pca", principal components; or "mix",
                StyleGAN2's styles of two seeds each.
            count: of directions.
            steps: pictures in a row.
            extent: standard deviations to each side.
            seed: whose first latent is in the middle of each row.
            seeds: whose styles are mixed.
            layer: from which on "mix" takes the styles of a column; the middle by default.
            label: of a conditional model.
            truncation: as of `sample`.
            checkpoint: "last" or "best".
            weights: "ema", the generator's moving average where there is one, or "raw".
            device: by its name in torch.

        Raises:
            UserError: the run generates from no latents, has no such class, no styles or no first layer.
        """
        with self._opened() as run:
            for argument, value, least in (("count", count, 1), ("steps", steps, 2), ("seed", seed, 0)):
                whole(argument, value, least)
            for each in seeds:
                whole("seeds", each, 0)
            sheet = directions.walk(
                opened_space(run, checkpoint, weights, device, truncation),
                one_of("method", method, ("sefa", "pca", "mix")),
                directions=count,
                steps=steps,
                extent=extent,
                seed=seed,
                seeds=seeds,
                layer=layer,
                of_class=None if label is None else str(label),
            )
            return Walk(Image.fromarray(images.pixels(sheet.picture)), sheet.directions)

    def project(
        self,
        pictures: Place | Sequence[Place] | Tensor,
        *,
        label: int | str | None = None,
        starts: int = 16,
        steps: int = 500,
        seed: int = 0,
        checkpoint: Which = "last",
        weights: Literal["ema", "raw"] = "ema",
        device: str = "auto",
        out: Place | None = None,
        force: bool = False,
    ) -> Projected:
        """Find the latents whose images are nearest to given ones.

        Args:
            pictures: a file, several, or images (n, channels, height, width) of the run's size, uint8 or of the type of
                `data.depth`.
            label: of all images of a conditional model; by default it is searched.
            starts: latents that begin side by side.
            steps: of the optimisation.
            seed: of the first latents.
            checkpoint: "last" or "best".
            weights: "ema", the generator's moving average where there is one, or "raw".
            device: by its name in torch.
            out: a file to keep the latents in, .safetensors or .npy.
            force: replace it.

        Raises:
            UserError: the run generates from no latents or has no such class, an image can't be read, or the file can't
                be written.
        """
        with self._opened() as run:
            for argument, value, least in (("starts", starts, 1), ("steps", steps, 1), ("seed", seed, 0)):
                whole(argument, value, least)
            place = None if out is None else Path(out)
            refuse_existing("--out", place, force)
            if place is not None:
                check_name("--out", place)
            space = opened_space(run, checkpoint, weights, device)
            targets = pictures if isinstance(pictures, Tensor) else projection.read(paths(pictures), space)
            dtype = space.depth.dtype
            if targets.dtype != dtype or targets.dim() != 4 or tuple(targets.shape[1:]) != space.shape:
                kind = str(dtype).removeprefix("torch.")
                raise UserError(f"pictures: must be {kind} of shape (n, {', '.join(map(str, space.shape))})")
            wanted = None if label is None else space.labels("--class", [str(label)])[0]
            found = projection.project(space, targets.cpu(), label=wanted, starts=starts, steps=steps, seed=seed)
            if place is not None:
                put("--out", place, space.content(found.points, place))
            labels = found.points.labels
            return Projected(
                found.points.values.cpu(), None if labels is None else labels.cpu(), found.found, found.psnr
            )


def opened_space(
    run: RunFolder, checkpoint: Which, weights: str, device: str, truncation: float | None = None
) -> Space:
    """The space of a run.

    Raises:
        UserError: as of `Space`, or there are no such weights.
    """
    return Space(run, which=which(checkpoint), ema=is_ema(weights), device=device, truncation=truncation)


def checked_film(out: Place, fps: float, force: bool) -> Path:
    """The place of a film.

    Raises:
        UserError: it exists, or films of its ending or of this speed can't be written.
    """
    place = Path(out)
    check_output(place, force)
    films.check_speed("--fps", fps)
    films.check("--out", place)
    return place


def write_film(frames: Iterable[Tensor], place: Path | None, fps: float, **options: Any) -> None:
    """Write a film, where one is wanted.

    Raises:
        UserError: it can't be written.
    """
    if place is not None:
        with replacing(place, "--out") as partial:
            films.write(frames, partial, fps=fps, **options)


def paths(pictures: Place | Sequence[Place]) -> list[Path]:
    """The files, one or several."""
    return [*map(Path, [pictures] if isinstance(pictures, str | Path) else pictures)]
