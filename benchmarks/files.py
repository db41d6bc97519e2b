"""Seconds until a folder of many small files is ready to train on: the first time, and again."""

import logging
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import torch

from gan_lab.data.image_folder import ImageFolder
from gan_lab.utils import images

COUNTS = (1_000, 10_000, 100_000)
SIDE = 16
CLASSES = 10


def fill(folder: Path, count: int) -> None:
    """Write as many PNG files of 16x16 pixels, in ten class folders."""
    generator = torch.Generator().manual_seed(0)
    content = [
        images.png(torch.randint(0, 256, (3, SIDE, SIDE), dtype=torch.uint8, generator=generator)) for _ in range(100)
    ]
    for label in range(CLASSES):
        (folder / str(label)).mkdir(parents=True)
    for index in range(count):
        (folder / str(index % CLASSES) / f"{index:07}.png").write_bytes(content[index % len(content)])


def zipped(folder: Path, target: Path) -> None:
    """Write the files of a folder to a zip archive."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder))


def seconds(action: Callable[[], object]) -> float:
    """The time that an action takes."""
    start = perf_counter()
    action()
    return perf_counter() - start


def data(root: Path, cache: Path) -> ImageFolder:
    """The data module of a run."""
    options = {"image_size": SIDE, "channels": 3, "num_classes": CLASSES, "validation_count": 0, "batch_size": 64}
    return ImageFolder(root=str(root), test_fraction=None, cache=str(cache), seed=0, **options)  # type: ignore[arg-type]


def started(module: ImageFolder) -> None:
    """Bring a data module to where training begins."""
    module.prepare_data()
    module.setup("fit")


def report(counts: tuple[int, ...] = COUNTS) -> list[str]:
    """The table, a Markdown line each."""
    lines = ["| files | listed, s | first start, s | next start, s | from a zip, s |", "|---:|---:|---:|---:|---:|"]
    for count in counts:
        with TemporaryDirectory() as name:
            root, cache, archive = (Path(name) / part for part in ("files", "cache", "files.zip"))
            fill(root, count)
            zipped(root, archive)
            listed = seconds(lambda: data(root, cache).listing)  # noqa: B023
            first, again = (seconds(lambda: started(data(root, cache))) for _ in range(2))  # noqa: B023
            packed = seconds(lambda: started(data(archive, cache)))  # noqa: B023
            lines.append(f"| {count:,} | {listed:.1f} | {first:.1f} | {again:.1f} | {packed:.1f} |")
    return lines


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    print("\n".join(report(tuple(map(int, sys.argv[1:])) or COUNTS)))
