"""CIFAR from its binary archives, to the byte."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.data.cifar import CIFAR10, CIFAR100
from gan_lab.utils.errors import UserError
from tests.data.archives import noise, options, publish, tar

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def make(root: Path, **others: Any) -> CIFAR10:
    return CIFAR10(**options(root, image_size=32, channels=3, num_classes=10) | others)


def make_100(root: Path, **others: Any) -> CIFAR100:
    return CIFAR100(**options(root, image_size=32, channels=3, num_classes=100, labels="fine") | others)


def records(labels: list[list[int]], seed: int) -> tuple[bytes, np.ndarray]:
    """Records of label bytes and pixels, and the pixels as (n, 3, 32, 32)."""
    pixels = noise(seed, len(labels), 3, 32, 32)
    return b"".join(bytes(label) + image.tobytes() for label, image in zip(labels, pixels, strict=True)), pixels


@pytest.fixture
def batches() -> dict[str, tuple[bytes, np.ndarray]]:
    made = {f"data_batch_{number}.bin": records([[number], [9 - number]], number) for number in range(1, 6)}
    return made | {"test_batch.bin": records([[0], [7], [3]], 6)}


@pytest.fixture
def archive(tmp_path: Path, batches: dict[str, tuple[bytes, np.ndarray]], monkeypatch: pytest.MonkeyPatch) -> Path:
    members = {f"cifar-10-batches-bin/{name}": content for name, (content, _) in batches.items()}
    members["cifar-10-batches-bin/batches.meta.txt"] = "\n".join([*NAMES, ""]).encode()
    path = tar(tmp_path / "root/cifar10/cifar-10-binary.tar.gz", members)
    publish(monkeypatch, CIFAR10, "archive", path)
    return path


def test_the_images_are_those_of_the_archive(
    archive: Path, batches: dict[str, tuple[bytes, np.ndarray]], tmp_path: Path
) -> None:
    data = make(tmp_path / "root")
    data.prepare_data()
    images, labels = data.load("train")
    expected = np.concatenate([batches[f"data_batch_{number}.bin"][1] for number in range(1, 6)])
    assert np.array_equal(images.numpy(), expected)
    assert labels.tolist() == [1, 8, 2, 7, 3, 6, 4, 5, 5, 4]
    images, labels = data.load("test")
    assert np.array_equal(images.numpy(), batches["test_batch.bin"][1])
    assert labels.tolist() == [0, 7, 3]


def test_the_record_names_the_classes(archive: Path, tmp_path: Path) -> None:
    data = make(tmp_path / "root")
    data.prepare_data()
    data.setup("fit")
    assert data.describe() == {
        "name": "cifar10",
        "source": str(tmp_path / "root"),
        "substitute": False,
        "train_images": 10,
        "classes": NAMES,
    }


def test_classes_can_be_ignored(archive: Path, tmp_path: Path) -> None:
    data = make(tmp_path / "root", num_classes=1)
    data.prepare_data()
    data.setup("test")
    assert data.splits["test"].labels.tolist() == [0, 0, 0]
    assert data.describe()["classes"] == []


def test_a_truncated_member_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"cifar-10-batches-bin/data_batch_{number}.bin": bytes(3073) for number in range(1, 6)}
    members["cifar-10-batches-bin/data_batch_4.bin"] = bytes(3072)
    members["cifar-10-batches-bin/batches.meta.txt"] = b"a"
    publish(monkeypatch, CIFAR10, "archive", tar(tmp_path / "cifar-10-binary.tar.gz", members))
    data = make(tmp_path)
    data.prepare_data()
    with pytest.raises(UserError, match=r"data_batch_4.bin is truncated, 3,072 bytes instead of 3,073 an image"):
        data.load("train")


def test_a_missing_member_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"cifar-10-batches-bin/{name}": b"" for name in ("batches.meta.txt", "data_batch_1.bin")}
    publish(monkeypatch, CIFAR10, "archive", tar(tmp_path / "cifar-10-binary.tar.gz", members))
    with pytest.raises(UserError, match=r"binary\.tar\.gz lacks cifar-10-batches-bin/test_batch\.bin\. Replace"):
        make(tmp_path).load("test")


def test_labels_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, _ = records([[10]], 0)
    members = {"cifar-10-batches-bin/test_batch.bin": content, "cifar-10-batches-bin/batches.meta.txt": b"a"}
    publish(monkeypatch, CIFAR10, "archive", tar(tmp_path / "cifar-10-binary.tar.gz", members))
    with pytest.raises(UserError, match="test labels of CIFAR-10 below .* go from 10 to 10, and there are 10 classes"):
        make(tmp_path).load("test")


def test_coarse_and_fine_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fine, coarse = [f"fine{number}" for number in range(100)], [f"coarse{number}" for number in range(20)]
    content, pixels = records([[19, 4], [0, 99]], 1)
    members = {
        "cifar-100-binary/train.bin": content,
        "cifar-100-binary/test.bin": content,
        "cifar-100-binary/fine_label_names.txt": "\n".join(fine).encode(),
        "cifar-100-binary/coarse_label_names.txt": "\n".join(coarse).encode(),
    }
    publish(monkeypatch, CIFAR100, "archive", tar(tmp_path / "cifar100/cifar-100-binary.tar.gz", members))
    data = make_100(tmp_path)
    images, labels = data.load("train")
    assert np.array_equal(images.numpy(), pixels)
    assert labels.tolist() == [4, 99]
    assert data.class_names == fine
    data = make_100(tmp_path, labels="coarse", num_classes=20)
    assert data.load("test").labels.tolist() == [19, 0]
    assert data.class_names == coarse


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"CIFAR-10 is RGB: data\.channels must be 3, not 1"):
        make(tmp_path, channels=1)
    with pytest.raises(ValueError, match=r"CIFAR-10 has 10 classes: data\.num_classes must be 10, or 1 to ignore them"):
        make(tmp_path, num_classes=7)
    with pytest.raises(ValueError, match=r"CIFAR-100 has 20 classes"):
        make_100(tmp_path, labels="coarse")


def test_the_checksums_are_those_of_its_page() -> None:
    assert CIFAR10.archive.checksum == "c32a1d4ab5d03f1284b67883e8d87530"
    assert CIFAR100.archive.checksum == "03b5dce01913d631647c71ecec9e9cb8"
