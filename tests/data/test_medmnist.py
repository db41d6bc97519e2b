"""MedMNIST from its .npz files, to the byte."""

from hashlib import md5
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from gan_lab.data import medmnist
from gan_lab.data.medmnist import MedMNIST, Name
from gan_lab.data.medmnist_table import SUBSETS
from gan_lab.utils.errors import UserError
from tests.data.archives import noise, options


def make(root: Path, **others: Any) -> MedMNIST:
    shared = {"image_size": 28, "channels": 3, "num_classes": 8, "subset": "bloodmnist", "resolution": 28}
    return MedMNIST(**options(root, **shared) | others)


def write(root: Path, patch: pytest.MonkeyPatch, name: str, resolution: int = 28, **changed: Any) -> dict[str, Any]:
    """A file in the published layout, known by its checksum."""
    known = SUBSETS[name]
    shape = (resolution, resolution) if known.channels == 1 else (resolution, resolution, 3)
    count = len(known.classes) if known.several else 1
    arrays: dict[str, Any] = {}
    for split, images in (("train", 3), ("val", 1), ("test", 2)):
        arrays[f"{split}_images"] = noise(images, images, *shape)
        arrays[f"{split}_labels"] = np.arange(images * count, dtype=np.uint8).reshape(images, count) % 2
    path = root / "medmnist" / (f"{name}.npz" if resolution == 28 else f"{name}_{resolution}.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays | changed)
    checksums = known.checksums | {resolution: md5(path.read_bytes()).hexdigest()}
    patch.setitem(medmnist.SUBSETS, name, known._replace(checksums=checksums))
    return arrays


def test_colour_images_are_those_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = write(tmp_path, monkeypatch, "bloodmnist")
    data = make(tmp_path)
    data.prepare_data()
    for split in ("train", "test"):
        images, labels = data.load(split)
        assert np.array_equal(images.permute(0, 2, 3, 1).numpy(), arrays[f"{split}_images"])
        assert labels.tolist() == arrays[f"{split}_labels"][:, 0].tolist()
    assert data.class_names[0] == "basophil"


def test_grey_images_of_another_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = write(tmp_path, monkeypatch, "octmnist", 64)
    data = make(tmp_path, subset="octmnist", resolution=64, channels=1, num_classes=4, image_size=64)
    data.prepare_data()
    assert np.array_equal(data.load("train").images[:, 0].numpy(), arrays["train_images"])


def test_several_labels_are_no_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, monkeypatch, "chestmnist")
    data = make(tmp_path, subset="chestmnist", channels=1, num_classes=1)
    assert data.load("train").labels.tolist() == [0, 0, 0]
    with pytest.raises(
        ValueError, match=r"data\.subset=chestmnist has no classes: data\.num_classes must be 1, not 14"
    ):
        make(tmp_path, subset="chestmnist", channels=1, num_classes=14)


def test_what_does_not_fit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"MedMNIST with data\.subset=octmnist is grey: data\.channels must be 1"):
        make(tmp_path, subset="octmnist")
    write(tmp_path, monkeypatch, "bloodmnist", train_images=noise(0, 3, 28, 28))
    with pytest.raises(UserError, match=r"train_images is uint8 \(3, 28, 28\), not uint8 \(3, 28, 28, 3\)"):
        make(tmp_path).load("train")


def test_every_subset_of_two_dimensions_can_be_chosen() -> None:
    assert set(get_args(Name)) == set(SUBSETS)
