"""Images a second out of the data module against torchvision's datasets in torch's DataLoader.

In memory, and from image files whose decoded images don't fit into memory.
"""

import logging
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST
from torchvision.datasets import ImageFolder as TorchvisionFolder

from gan_lab.data import decoded
from gan_lab.data.image_folder import ImageFolder
from gan_lab.data.in_memory import EpochLoader
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.images import to_float

BATCH_SIZE = 128
ROUNDS = 7
FILES = 2_000  # streamed
SIDE = 64
CLASSES = 10


def torchvision_dataset(images: torch.Tensor, labels: torch.Tensor) -> MNIST:
    """torchvision's MNIST over given images, with the usual ToTensor and Normalize."""
    dataset = MNIST.__new__(MNIST)
    dataset.data, dataset.targets = images, labels
    dataset.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    dataset.target_transform = None
    return dataset


def images_per_second(batches: Iterable[object], count: int) -> float:
    """How many images a second come out, `count` batches long."""
    start = perf_counter()
    number = sum(1 for _ in islice(batches, count))
    return number * BATCH_SIZE / (perf_counter() - start)


def in_memory() -> list[str]:
    """The table of what fits into memory, a Markdown line each."""
    images = torch.randint(0, 256, (60_000, 28, 28), dtype=torch.uint8)
    labels = torch.randint(0, 10, (60_000,))
    loader = EpochLoader(LabelledImages(images[:, None], labels), batch_size=BATCH_SIZE, seed=0)
    dataset = torchvision_dataset(images, labels)
    cores = os.cpu_count() or 1
    workers = {
        count: DataLoader(
            dataset, BATCH_SIZE, shuffle=True, num_workers=count, drop_last=True, persistent_workers=count > 0
        )
        for count in (0, cores)
    }
    for other in workers.values():
        images_per_second(other, 10)  # start the workers
    rounds: dict[str, list[float]] = {"gan_lab": [], **{f"DataLoader, {count} workers": [] for count in workers}}
    for _ in range(ROUNDS):
        rounds["gan_lab"].append(images_per_second(((to_float(batch), y) for batch, y in loader), 400))
        for count, other in workers.items():
            rounds[f"DataLoader, {count} workers"].append(images_per_second(other, 60))
    return table("in memory", rounds)


def fill(folder: Path) -> None:
    """Write PNG files of smooth colours, at the size that is trained on: nothing is quicker to decode and resize."""
    generator = np.random.default_rng(0)
    for index in range(FILES):
        pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        place = folder / str(index % CLASSES) / f"{index:05}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(place)


def forget(cache: Path) -> None:
    """Have the system forget the decoded images, so that they come from the disk. Nobody may have them mapped."""
    for path in cache.rglob("images.npy"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def streamed() -> list[str]:
    """The table of image files whose decoded images don't fit into memory, a Markdown line each.

    Ours come from the disk each time, and the files of torchvision from the memory that the system has to spare.
    """
    ours, theirs = "gan_lab, from the disk", "ImageFolder in DataLoader, 2 workers"
    rounds: dict[str, list[float]] = {ours: [], theirs: []}
    with TemporaryDirectory() as name, patch.object(decoded, "MEMORY_SHARE", 0):
        root, cache = Path(name) / "files", Path(name) / "cache"
        fill(root)
        module = ImageFolder(
            root=str(root),
            test_fraction=0.0,
            cache=str(cache),
            num_classes=CLASSES,
            image_size=SIDE,
            channels=3,
            validation_count=0,
            batch_size=BATCH_SIZE,
            seed=0,
        )
        module.prepare_data()
        steps = [transforms.Resize(SIDE), transforms.CenterCrop(SIDE), transforms.ToTensor()]
        dataset = TorchvisionFolder(str(root), transforms.Compose([*steps, transforms.Normalize(0.5, 0.5)]))
        other = DataLoader(dataset, BATCH_SIZE, shuffle=True, num_workers=2, drop_last=True, persistent_workers=True)
        images_per_second(other, 5)  # start the workers
        for _ in range(ROUNDS):
            forget(cache)
            loader = EpochLoader(module.load("train"), batch_size=BATCH_SIZE, seed=0)
            rounds[ours].append(images_per_second(((to_float(batch), y) for batch, y in loader), len(loader)))
            del loader
            rounds[theirs].append(images_per_second(other, len(other)))
    return table(f"{FILES:,} files of {SIDE}x{SIDE}", rounds)


def table(what: str, rounds: dict[str, list[float]]) -> list[str]:
    """Medians of rates, a Markdown line each; those of gan_lab come first."""
    ours = median(next(iter(rounds.values())))
    lines = [f"| {what} | images/s | gan_lab is faster by |", "|---|---:|---:|"]
    return lines + [
        f"| {name} | {median(rates):,.0f} | {ours / median(rates):.1f} x |" for name, rates in rounds.items()
    ]


def report() -> list[str]:
    """Both tables."""
    return [*in_memory(), "", *streamed()]


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    print("\n".join(report()))
