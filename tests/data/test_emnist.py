"""EMNIST from its zip of gzipped idx files, upright."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import EMNIST as TORCHVISION

from gan_lab.data.emnist import EMNIST, names_of
from gan_lab.utils.errors import UserError
from tests.data.archives import idx, noise, options, publish, zipped

LABELS = {"train": [1, 26, 3], "test": [2, 1]}


def make(root: Path, **others: Any) -> EMNIST:
    return EMNIST(**options(root, image_size=28, channels=1, num_classes=26, subset="letters") | others)


def write(root: Path, patch: pytest.MonkeyPatch, subset: str = "letters", **changed: bytes) -> dict[str, np.ndarray]:
    """The archive; returns the images (n, 28, 28) by split as people read them."""
    images, members = {}, {}
    for split, labels in LABELS.items():
        images[split] = noise(len(labels), len(labels), 28, 28)
        members[f"gzip/emnist-{subset}-{split}-images-idx3-ubyte.gz"] = idx(images[split].transpose(0, 2, 1))
        members[f"gzip/emnist-{subset}-{split}-labels-idx1-ubyte.gz"] = idx(np.array(labels, np.uint8))
    if changed:
        members["gzip/emnist-letters-test-labels-idx1-ubyte.gz"] = changed["labels"]
    publish(patch, EMNIST, "archive", zipped(root / "emnist/gzip.zip", members))
    return images


def test_the_images_are_upright(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write(tmp_path, monkeypatch)
    data = make(tmp_path)
    data.prepare_data()
    for split, expected in images.items():
        pixels, labels = data.load(split)
        assert np.array_equal(pixels[:, 0].numpy(), expected)
        assert labels.tolist() == [label - 1 for label in LABELS[split]], "the files count letters from 1"
    assert "".join(data.class_names) == "abcdefghijklmnopqrstuvwxyz"


def test_other_subsets_count_from_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, monkeypatch, "balanced")
    data = make(tmp_path, subset="balanced", num_classes=47)
    assert data.load("train").labels.tolist() == LABELS["train"]
    with pytest.raises(UserError, match=r"gzip\.zip lacks gzip/emnist-letters-test-images-idx3-ubyte\.gz and 1 more"):
        make(tmp_path).load("test")
    with pytest.raises(ValueError, match=r"EMNIST with data\.subset=digits has 10 classes"):
        make(tmp_path, subset="digits")


@pytest.mark.parametrize("subset", ["byclass", "bymerge", "balanced", "letters", "digits", "mnist"])
def test_classes_are_torchvisions(subset: str) -> None:
    expected = [name for name in TORCHVISION.classes_split_dict[subset] if name != "N/A"]
    assert names_of(subset) == expected


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (idx(np.zeros(3, np.uint8)), r"holds \(2, 28, 28\), and .* \(3,\)"),
        (b"no gzip", "test-labels-idx1-ubyte.gz is damaged"),
        (idx(np.zeros(2, np.uint8))[:-9], "test-labels-idx1-ubyte.gz is damaged"),
    ],
)
def test_damaged_members_are_named(
    labels: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, monkeypatch, labels=labels)
    with pytest.raises(UserError, match=message):
        make(tmp_path).load("test")
