"""The film of a training: its grids of samples, with the images seen and the score on each."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gan_lab.evaluation.curves import PREFIX, SEEN
from gan_lab.metrics.titles import title
from gan_lab.runs.record import best_score
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import open_regular

NAME = re.compile(r"(\d{9,})(_raw)?\.png", re.ASCII)
SCORES = ("fid", "psnr", "a2b/fid", "a2b/psnr")  # of which a frame tells the first that there is
LEAST = 128  # pixels of a grid's shorter side, up to which its pixels become squares: the text needs room
TEXT = 0.07  # height of the text as a share of the frame's width, within bounds
SMALLEST, LARGEST = 10, 28
LIGHT, DARK = 240, 24


@dataclass(frozen=True)
class Shot:
    """A grid of a training.

    Args:
        file: PNG.
        images_seen: when it was drawn.
        score: as text, the latest that was known then; empty where there was none.
    """

    file: Path
    images_seen: int
    score: str

    @property
    def caption(self) -> str:
        """The text under the grid."""
        return f"{self.images_seen:,} images" + (f"   {self.score}" if self.score else "")


def shots(run: Run, *, raw: bool = False, most: int | None = None) -> list[Shot]:
    """The grids of a run in the order in which they were drawn.

    Args:
        run: finished or not, of any model.
        raw: those of the raw weights, where the run has drawn both.
        most: grids to take, equally many images apart: always the first and the last.

    Raises:
        UserError: there are none, or the table of scores can't be read.
    """
    grids: dict[bool, list[tuple[int, Path]]] = {False: [], True: []}
    for path in sorted(run.samples.glob("*.png")):
        if found := NAME.fullmatch(path.name):
            grids[found[2] is not None].append((int(found[1]), path))
    found_grids = sorted(grids[raw])
    if not found_grids:
        kind = "of the raw weights" if raw else "of samples"
        raise UserError(f"{run.folder} has no grid {kind}: none was drawn yet, or callbacks.samples was left out")
    if most is not None and most < len(found_grids):
        last = len(found_grids) - 1
        chosen = [round(index * last / max(1, most - 1)) for index in range(most)] if most > 1 else [last]
        found_grids = [found_grids[index] for index in chosen]
    best = None
    with suppress(UserError):  # grids are shown without a record, too
        best = best_score(run.record())
    scores = _scores(run.metrics_file, (best.name, *SCORES) if best else SCORES)
    latest, result = "", []
    for seen, path in found_grids:
        while scores and scores[0][0] <= seen:
            latest = scores.pop(0)[1]
        result.append(Shot(path, seen, latest))
    return result


def _scores(file: Path, names: Sequence[str]) -> list[tuple[int, str]]:
    """The first score while training of which there is one, as texts, by the images seen; none without a table."""
    if not file.is_file():
        return []
    try:
        with open_regular(file) as opened, io.TextIOWrapper(opened, "utf-8", newline="") as text:
            rows = [(row.get(SEEN), {name: row.get(PREFIX + name) for name in names}) for row in csv.DictReader(text)]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{file}: can't be read: {reason(error)}") from error
    chosen = next((name for name in names if any(scores[name] for _, scores in rows)), None)
    if chosen is None:
        return []
    known = title(chosen)
    found = []
    for seen, scores in rows:
        with suppress(ValueError, TypeError, OverflowError):  # an empty cell, or one of another's table
            value = float(scores[chosen])  # type: ignore[arg-type]
            if math.isfinite(value):
                found.append((int(float(seen)), f"{known.text} {known.value(value)}"))  # type: ignore[arg-type]
    return sorted(found, key=lambda pair: pair[0])


def frames(chosen: list[Shot]) -> Iterator[Tensor]:
    """The frames of a film, uint8 (3, height, width), all of the size of the largest grid; grids are read one by one.

    Raises:
        UserError: a grid can't be read.
    """
    width = height = 0
    for shot in chosen:
        with _opened(shot.file) as image:
            factor = _factor(image.size)
            width, height = max(width, image.width * factor), max(height, image.height * factor)
    font = font_for([shot.caption for shot in chosen], width)
    band = math.ceil(1.6 * max(SMALLEST, font.getbbox("0g")[3]))
    for shot in chosen:
        with _opened(shot.file) as image:
            factor = _factor(image.size)
            grid = image.convert("RGB").resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
        frame = Image.new("RGB", (width, height + band), (DARK, DARK, DARK))
        frame.paste(grid, ((width - grid.width) // 2, (height - grid.height) // 2))
        place = (width / 2, height + band / 2)
        ImageDraw.Draw(frame).text(place, shot.caption, fill=(LIGHT, LIGHT, LIGHT), font=font, anchor="mm")
        yield torch.from_numpy(np.array(frame)).permute(2, 0, 1).contiguous()


def font_for(captions: list[str], width: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    """Pillow's own font, as large as all captions fit into a width, within bounds; of one size without FreeType."""
    size = max(SMALLEST, min(LARGEST, round(TEXT * width)))
    while size > SMALLEST // 2:
        font = ImageFont.load_default(size)
        if all(font.getlength(caption) <= 0.96 * width for caption in captions):
            break
        size -= 1
    return font


def _factor(size: tuple[int, int]) -> int:
    return max(1, math.ceil(LEAST / min(size)))


def _opened(file: Path) -> Image.Image:
    """A grid, decoded.

    Raises:
        UserError: it can't be read.
    """
    try:
        with open_regular(file) as opened:
            image = Image.open(opened, formats=["PNG"])
            image.load()
            return image
    except Exception as error:  # of Pillow's decoder
        raise UserError(f"{file}: can't be read as an image: {reason(error)}") from error
