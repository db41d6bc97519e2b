"""Translations side by side: `python -m benchmarks.translations OUT.png COUNT RUN_FOLDER...`.

A row is a test image as the networks get it, its translation by each run (weights ema), and where the runs have pairs
what it should become. The images are evenly spaced in the order of the test split, none picked. More than a dozen stand
two to a row.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from gan_lab.config.command_line import readable_errors
from gan_lab.config.schema import build
from gan_lab.metrics.translation_scores import translate
from gan_lab.models.translation import TranslationGAN
from gan_lab.runs.run import Run
from gan_lab.utils import images

TALLEST = 12  # images below each other in one set of columns
COLOURS = 64  # of a file, which is half as large as with 256


def spaced(of: int, count: int) -> Tensor:
    """Numbers of `count` images out of `of`, evenly spaced, from the middle of each part; int64 (count,)."""
    return torch.arange(count).mul_(2).add_(1).mul_(of).div_(2 * count, rounding_mode="floor")


def sheet(columns: list[Tensor]) -> Tensor:
    """Tile columns of pictures, each uint8 (images, 1 or 3, height, width), into one uint8 (3, height', width')."""
    rows = torch.stack([column.expand(-1, 3, -1, -1) for column in columns], 1)
    return images.tiled(rows.flatten(0, 1), len(columns) * (1 if len(rows) <= TALLEST else 2))


def pictures(folders: list[str], count: int) -> list[Tensor]:
    """The columns of a sheet: sources, translations of each run, and targets; the data are those of the first run.

    Raises:
        SystemExit: a run translates nothing.
    """
    runs = [Run.open(folder) for folder in folders]
    data: Any = build(runs[0].config().data)
    data.prepare_data()
    data.setup("test")
    (sources, _), (targets, _) = data.splits["test"]
    chosen = spaced(len(sources), count)
    columns = [images.to_uint8(data.to_source(sources[chosen]))]  # as the networks get them: photos in grey
    for run in runs:
        model = run.load_model()
        if not isinstance(model, TranslationGAN):
            raise SystemExit(f"{run.folder}: its model translates no images")
        columns.append(translate(model, data, "a2b", sources[chosen], ema=True))
    return [*columns, targets[chosen]] if data.paired else columns


def write(columns: list[Tensor], out: Path) -> None:
    """Write a sheet as a small PNG file."""
    picture = Image.fromarray(images.pixels(sheet(columns)))
    out.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(COLOURS).save(out, optimize=True)


if __name__ == "__main__":
    with readable_errors():
        write(pictures(sys.argv[3:], int(sys.argv[2])), Path(sys.argv[1]))
