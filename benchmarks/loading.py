"""Images a second out of the data module against torchvision's dataset in torch's DataLoader."""

import os
from collections.abc import Iterable
from itertools import islice
from statistics import median
from time import perf_counter

import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST

from gan_lab.data.in_memory import EpochLoader
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.images import to_float

BATCH_SIZE = 128
ROUNDS = 7


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


def report() -> list[str]:
    """The table, a Markdown line each."""
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
    ours = median(rounds["gan_lab"])
    lines = ["| loading | images/s | gan_lab is faster by |", "|---|---:|---:|"]
    return lines + [
        f"| {name} | {median(rates):,.0f} | {ours / median(rates):.1f} x |" for name, rates in rounds.items()
    ]
