"""Flowers-102 from its archive and its MATLAB tables."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from gan_lab.data.flowers102 import Flowers102
from gan_lab.utils.errors import UserError
from tests.data.archives import file, noise, options, png, publish, tar

LABELS = [77, 1, 102, 5, 1]


def make(root: Path, **others: Any) -> Flowers102:
    shared = {"image_size": 16, "channels": 3, "num_classes": 102, "cache": str(root / "cache"), "fit": "crop"}
    return Flowers102(**options(root, **shared) | others)


def mat(**arrays: Any) -> bytes:
    content = BytesIO()
    savemat(content, arrays)
    return content.getvalue()


def write(root: Path, patch: pytest.MonkeyPatch, tested: list[int]) -> list[np.ndarray]:
    pictures = [noise(number, 16, 16, 3) for number in range(len(LABELS))]
    members = {f"jpg/image_{number:05d}.jpg": png(each) for number, each in enumerate(pictures, 1)}
    publish(patch, Flowers102, "archive", tar(root / "flowers102/102flowers.tgz", members))
    publish(patch, Flowers102, "labels", file(root / "flowers102/imagelabels.mat", mat(labels=LABELS)))
    sets = mat(trnid=[4], valid=[2], tstid=tested)
    publish(patch, Flowers102, "sets", file(root / "flowers102/setid.mat", sets))
    return pictures


def test_splits_and_labels_are_those_of_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = write(tmp_path, monkeypatch, [5, 1, 3])
    data = make(tmp_path)
    data.prepare_data()
    train, test = data.load("train"), data.load("test")
    assert np.array_equal(train.images.permute(0, 2, 3, 1).numpy(), np.stack([pictures[1], pictures[3]]))
    assert np.array_equal(test.images.permute(0, 2, 3, 1).numpy(), np.stack([pictures[i] for i in (0, 2, 4)]))
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 4], [76, 101, 0])
    assert (data.class_names[0], data.class_names[76]) == ("pink primrose", "passion flower")


def test_numbers_without_a_label_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, monkeypatch, [6])
    with pytest.raises(UserError, match=r"setid\.mat has images without a label"):
        make(tmp_path).prepare_data()
