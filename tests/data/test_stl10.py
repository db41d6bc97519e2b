"""STL-10 from its archive and from its unpacked files, to the byte."""

from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import STL10 as TORCHVISION

from gan_lab.data.stl10 import STL10
from gan_lab.utils.errors import UserError
from tests.data.archives import noise, options, publish, tar

COUNTS = {"train": 3, "test": 2, "unlabeled": 4}


def make(root: Path, **others: Any) -> STL10:
    return STL10(**options(root, image_size=96, channels=3, num_classes=10, images="labelled") | others)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """An archive; the images (n, 3, 96, 96) by part."""
    made = {part: noise(count, count, 3, 96, 96) for part, count in COUNTS.items()}
    members = {f"{part}_X.bin": pixels.transpose(0, 1, 3, 2).tobytes() for part, pixels in made.items()}
    members |= {"train_y.bin": bytes([1, 10, 4]), "test_y.bin": bytes([2, 3]), "class_names.txt": b"airplane"}
    path = tar(tmp_path / "stl10/stl10_binary.tar.gz", {f"stl10_binary/{name}": each for name, each in members.items()})
    publish(monkeypatch, STL10, "archive", path)
    monkeypatch.setattr(STL10, "checksums", {name: md5(content).hexdigest() for name, content in members.items()})
    return made


def test_the_images_are_those_of_the_archive(images: dict[str, np.ndarray], tmp_path: Path) -> None:
    data = make(tmp_path)
    data.prepare_data()
    pixels, labels = data.load("train")
    assert np.array_equal(pixels.numpy(), images["train"])
    assert labels.tolist() == [0, 9, 3]
    pixels, labels = data.load("test")
    assert np.array_equal(pixels.numpy(), images["test"])
    assert labels.tolist() == [1, 2]
    assert sorted(path.name for path in (tmp_path / "stl10").iterdir()) == ["stl10_binary", "stl10_binary.tar.gz"]


def test_images_without_labels_have_no_classes(images: dict[str, np.ndarray], tmp_path: Path) -> None:
    data = make(tmp_path, images="unlabelled", num_classes=1)
    data.prepare_data()
    assert np.array_equal(data.load("train").images.numpy(), images["unlabeled"])
    data = make(tmp_path, images="all", num_classes=1)
    assert np.array_equal(data.load("train").images.numpy(), np.concatenate([images["train"], images["unlabeled"]]))
    assert data.load("test").labels.tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"STL-10 with data\.images=all has no classes: data\.num_classes must be 1"):
        make(tmp_path, images="all")


def test_what_is_unpacked_needs_no_archive(images: dict[str, np.ndarray], tmp_path: Path) -> None:
    make(tmp_path).prepare_data()
    (tmp_path / "stl10/stl10_binary.tar.gz").unlink()
    (tmp_path / "stl10/stl10_binary").rename(tmp_path / "stl10_binary")  # torchvision's place
    data = make(tmp_path)
    data.prepare_data()
    assert len(data.load("train").labels) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "test_X.bin is damaged or another file"),
        (Path.unlink, "stl10_binary lacks test_X.bin"),
    ],
)
def test_damaged_unpacked_files_are_named(
    change: Any, message: str, images: dict[str, np.ndarray], tmp_path: Path
) -> None:
    make(tmp_path).prepare_data()
    change(tmp_path / "stl10/stl10_binary/test_X.bin")
    with pytest.raises(UserError, match=f"{message}.*Remove the folder .*stl10_binary; the next run unpacks it again"):
        make(tmp_path).prepare_data()


def test_files_that_do_not_belong_together_are_refused(
    images: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path).prepare_data()
    folder = tmp_path / "stl10/stl10_binary"
    for name, content, message in (
        ("train_y.bin", bytes(2), "3 train images and 2 labels"),
        ("train_X.bin", bytes(9), r"train_X.bin is truncated: 9 bytes instead of 27,648 an image"),
    ):
        (folder / name).write_bytes(content)
        monkeypatch.setitem(STL10.checksums, name, md5(content).hexdigest())
        with pytest.raises(UserError, match=message):
            make(tmp_path).load("train")


def test_checksums_are_torchvisions() -> None:
    assert STL10.archive.checksum == TORCHVISION.tgz_md5
    assert STL10.archive.url == "https://cs.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    assert set(STL10.checksums) == {"train_X.bin", "train_y.bin", "unlabeled_X.bin", "test_X.bin", "test_y.bin"}
