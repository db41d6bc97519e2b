"""AFHQ from its zip."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.data.afhq import AFHQ
from gan_lab.utils.errors import UserError
from tests.data.archives import noise, options, png, publish, zipped

COUNTS = {"train/cat": 2, "train/dog": 1, "train/wild": 3, "val/cat": 1, "val/dog": 1, "val/wild": 1}


def make(root: Path, **others: Any) -> AFHQ:
    shared = {"image_size": 16, "channels": 3, "num_classes": 3, "cache": str(root / "cache"), "fit": "crop"}
    return AFHQ(**options(root, **shared) | others)


def write(root: Path, patch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    pictures = {
        f"{folder}/{number}.jpg": noise(7 * number + len(folder), 16, 16, 3)
        for folder, count in COUNTS.items()
        for number in range(count)
    }
    members = {f"afhq/{name}": png(each) for name, each in pictures.items()} | {"__MACOSX/afhq/._a.jpg": b""}
    publish(patch, AFHQ, "archive", zipped(root / "afhq/afhq.zip", members))
    return pictures


def test_folders_are_splits_and_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = write(tmp_path, monkeypatch)
    data = make(tmp_path)
    data.prepare_data()
    for split, folder, labels in (("train", "train", [0, 0, 1, 2, 2, 2]), ("test", "val", [0, 1, 2])):
        found = data.load(split)
        expected = np.stack([each for name, each in pictures.items() if name.startswith(folder)])
        assert np.array_equal(found.images.permute(0, 2, 3, 1).numpy(), expected)
        assert found.labels.tolist() == labels
    assert data.class_names == ["cat", "dog", "wild"]


def test_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, monkeypatch)
    make(tmp_path).prepare_data()
    shutil.rmtree(tmp_path / "afhq/afhq/val/dog")
    with pytest.raises(UserError, match=r"afhq/afhq lacks val/dog of AFHQ\. Remove the folder; the next run unpacks"):
        make(tmp_path).prepare_data()
