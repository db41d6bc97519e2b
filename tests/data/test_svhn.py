"""SVHN from its MATLAB files, to the byte."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from gan_lab.data.svhn import SVHN
from gan_lab.utils.errors import UserError
from tests.data.archives import known, noise, options

LABELS = {"train": [1, 10, 9], "test": [10, 2], "extra": [5, 6, 7, 8]}


def make(root: Path, **others: Any) -> SVHN:
    return SVHN(**options(root, image_size=32, channels=3, num_classes=10, extra=False) | others)


def write(folder: Path, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> dict[str, np.ndarray]:
    """The files; returns the images (n, 3, 32, 32) by split."""
    folder.mkdir(parents=True)
    images, published = {}, {}
    for number, (split, labels) in enumerate(LABELS.items()):
        images[split] = noise(number, len(labels), 3, 32, 32)
        path = folder / f"{split}_32x32.mat"
        content = {"X": images[split].transpose(2, 3, 1, 0), "y": np.array(labels, np.uint8)[:, None]} | changed
        savemat(path, content)
        published[split] = known(SVHN.published[split], path)
    monkeypatch.setattr(SVHN, "published", published)
    return images


@pytest.mark.parametrize("place", ["svhn", "."])
def test_the_images_are_those_of_the_files(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write(tmp_path / "root" / place, monkeypatch)
    data = make(tmp_path / "root")
    data.prepare_data()
    for split in ("train", "test"):
        pixels, labels = data.load(split)
        assert np.array_equal(pixels.numpy(), images[split])
        assert labels.tolist() == [label % 10 for label in LABELS[split]], "the files call 0 class 10"
    assert data.class_names[0] == "0"


def test_extra_images_are_trained_on_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write(tmp_path / "svhn", monkeypatch)
    data = make(tmp_path, extra=True)
    pixels, labels = data.load("train")
    assert np.array_equal(pixels.numpy(), np.concatenate([images["train"], images["extra"]]))
    assert labels.tolist() == [1, 0, 9, 5, 6, 7, 8]
    assert len(data.load("test").labels) == 2
    (tmp_path / "svhn/extra_32x32.mat").unlink()
    make(tmp_path).prepare_data()
    with pytest.raises(
        UserError, match=r"svhn lacks extra_32x32\.mat of SVHN, and data\.download=false\. Put it there"
    ):
        data.prepare_data()


def test_files_of_another_form_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "svhn", monkeypatch, X=np.zeros((32, 32, 3, 2), np.float64))
    with pytest.raises(UserError, match=r"train_32x32.mat is another file: X is float64 \(32, 32, 3, 2\), and y has 3"):
        make(tmp_path).load("train")


def test_addresses_and_checksums_are_torchvisions_over_https() -> None:
    assert [file.url for file in SVHN.published.values()] == [
        f"https://ufldl.stanford.edu/housenumbers/{split}_32x32.mat" for split in ("train", "test", "extra")
    ]
    assert SVHN.published["train"].checksum == "e26dedcc434d2e4c54c9b2d4a06d8373"
