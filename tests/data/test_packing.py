"""Packed datasets: the arrays that are agreed on, the same bytes each time."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.data import image_files, packing, places
from gan_lab.data.image_folder import ImageFolder
from gan_lab.data.packing import Chosen
from gan_lab.data.sorted_folder import SortedFolder
from gan_lab.data.sources import OWN
from gan_lab.utils.errors import UserError
from tests.data.archives import noise
from tests.data.test_survey import quiet, save


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, count in (("2", 2), ("10", 3)):
        for number in range(count):
            save(tmp_path / f"photos/{name}/{number}.png", noise(count + number, 20, 24, 3))
    return tmp_path / "photos"


def choose(root: Path, split: str | None = None) -> Chosen:
    return packing.choose(SortedFolder(places.at(str(root), "FOLDER"), quiet), split)


def pack(chosen: Chosen, out: Path, size: tuple[int, int] = (8, 12), channels: int = 3, **options: bool) -> list[str]:
    pixels, labels, lines, _ = packing.decode(
        OWN, chosen, size, channels, window=None, background="white", fit="crop", of="--image-size"
    )
    packing.write(out, pixels, labels, chosen.classes, **options)
    return lines


def test_the_arrays_are_those_that_are_agreed_on(photos: Path, tmp_path: Path) -> None:
    chosen = choose(photos)
    pack(chosen, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as content:
        assert sorted(content.files) == ["classes", "images", "labels"]
        images, labels, classes = content["images"], content["labels"], content["classes"]
    assert (images.dtype, images.shape) == (np.uint8, (5, 8, 12, 3))
    assert (labels.dtype, labels.tolist(), classes.tolist()) == (np.int64, [0, 0, 1, 1, 1], ["2", "10"])
    for file, image in zip(chosen.files, images, strict=True):
        assert np.array_equal(image_files.read(file, (8, 12), 3).pixels, image.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("depth", "window", "dtype"),
    [(16, (0, 4095), np.uint16), (16, (-1000, 2000), np.int16), ("float", None, np.float32)],
)
def test_scans_train_as_they_would_from_their_folder(
    depth: Any, window: Any, dtype: type[np.generic], tmp_path: Path
) -> None:
    low, high = window or (-1.5, 2.5)
    (tmp_path / "scans").mkdir()
    for number in range(20):
        values = np.random.default_rng(number).uniform(low, high, (8, 12, 2))
        values[0, 0], values[0, 1] = low, high  # the range of every file
        np.save(tmp_path / f"scans/{number:02}.npy", values if depth == "float" else np.rint(values).astype(dtype))
    source = places.at(str(tmp_path / "scans"), "FOLDER")
    packed = packing.decode(
        source,
        packing.choose(SortedFolder(source, quiet), None),
        (8, 12),
        2,
        window=window,
        background="white",
        fit="crop",
        of="--image-size",
        depth=depth,
    )
    assert packed.window == (low, high)
    packing.write(tmp_path / "scans.npz", packed.pixels, packed.labels, [])
    with np.load(tmp_path / "scans.npz") as content:
        assert content["images"].dtype == dtype
    options: dict[str, Any] = {"num_classes": 1, "test_fraction": None, "cache": str(tmp_path / "cache")}
    options |= {"image_size": [8, 12], "channels": 2, "validation_count": 0, "batch_size": 4, "seed": 0}
    found = [
        ImageFolder(root=str(tmp_path / name), depth=depth, window=window, **options).load("train").images
        for name in ("scans", "scans.npz")
    ]
    assert found[0].unique().numel() > 1000 or depth != "float"
    assert torch.equal(*found)


def test_a_window_that_the_depth_lacks_is_refused(photos: Path) -> None:
    with pytest.raises(
        UserError, match=r"^--depth 16 holds whole numbers .* \[0,70000\]; set --window, or take --depth fl"
    ):
        packing.decode(
            OWN, choose(photos), 8, 3, window=(0, 70000), background="white", fit="crop", of="--image-size", depth=16
        )


def test_the_same_folder_gives_the_same_bytes(photos: Path, tmp_path: Path) -> None:
    chosen = choose(photos)
    for name in ("a.npz", "b.npz"):
        pack(chosen, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_compressed_file_holds_the_same(photos: Path, tmp_path: Path) -> None:
    chosen = choose(photos)
    for name, compress in (("a.npz", False), ("b.npz", True)):
        Image.new("RGB", (500, 500)).save(photos / "2/0.png")
        pack(chosen, tmp_path / name, size=(200, 200), compress=compress)
    with np.load(tmp_path / "a.npz") as plain, np.load(tmp_path / "b.npz") as small:
        assert all(np.array_equal(plain[name], small[name]) for name in plain.files)
    assert (tmp_path / "b.npz").stat().st_size < 0.9 * (tmp_path / "a.npz").stat().st_size


def test_many_parts_are_one_array(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = choose(photos)
    pack(chosen, tmp_path / "a.npz")
    monkeypatch.setattr(packing, "AT_ONCE", 2 * 8 * 12 * 3)
    pack(chosen, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_without_classes_there_are_images_alone(photos: Path, tmp_path: Path) -> None:
    pack(choose(photos / "2"), tmp_path / "out.npz", channels=1)
    with np.load(tmp_path / "out.npz") as content:
        assert content.files == ["images"]
        assert content["images"].shape == (2, 8, 12, 1)


def test_damaged_images_are_left_out_with_their_labels(photos: Path, tmp_path: Path) -> None:
    (photos / "2/0.png").write_bytes(b"no picture")
    (line,) = pack(choose(photos), tmp_path / "out.npz")
    assert "1 of 5 images can't be read" in line
    with np.load(tmp_path / "out.npz") as content:
        assert content["labels"].tolist() == [0, 1, 1, 1]
        assert len(content["images"]) == 4


def test_images_beside_class_folders_are_left_out(photos: Path) -> None:
    save(photos / "a.png", noise(0, 8, 8, 3))
    assert len(choose(photos).files) == 5


def test_a_folder_of_splits_is_packed_by_split(tmp_path: Path) -> None:
    for number, place in enumerate(["train/a/1", "train/a/2", "train/b/3", "test/b/4"]):
        save(tmp_path / f"{place}.png", noise(number, 8, 8, 3))
    train, test = (choose(tmp_path, split) for split in ("train", "test"))
    assert (train.labels, train.classes) == ([0, 0, 1], ["a", "b"])
    assert (test.labels, test.classes) == ([1], ["a", "b"]), "the same labels in both files"
    with pytest.raises(UserError, match=r"has splits of its own: pack each into a file, with --split train"):
        choose(tmp_path)


def test_a_folder_of_a_single_split_is_packed_as_it_is(photos: Path, tmp_path: Path) -> None:
    photos.rename(tmp_path / "train")
    (tmp_path / "all").mkdir()
    (tmp_path / "train").rename(tmp_path / "all/train")
    chosen = choose(tmp_path / "all")
    assert (len(chosen.files), chosen.classes) == (5, ["2", "10"])
    with pytest.raises(UserError, match=r"--split test: .* has no images for testing of its own"):
        choose(tmp_path / "all", "test")


def test_what_is_packed_trains_as_the_folder_does(photos: Path, tmp_path: Path) -> None:
    pack(choose(photos), tmp_path / "out.npz", size=(16, 16))
    shared = {"test_fraction": None, "cache": str(tmp_path / "cache"), "image_size": 16, "channels": 3}
    shared |= {"num_classes": 2, "validation_count": 0, "batch_size": 1, "seed": 0}
    folder, packed = (ImageFolder(root=str(root), **shared) for root in (photos, tmp_path / "out.npz"))
    for data in (folder, packed):
        data.prepare_data()
        data.setup("fit")
    assert np.array_equal(folder.splits["train"].images.numpy(), packed.splits["train"].images.numpy())
    assert folder.splits["train"].labels.tolist() == packed.splits["train"].labels.tolist()
    assert packed.describe()["classes"] == ["2", "10"]


def test_archives_are_packed_as_well(photos: Path, tmp_path: Path) -> None:
    pack(choose(photos), tmp_path / "a.npz", size=(20, 24))
    source = places.at(str(tmp_path / "a.npz"), "FOLDER")
    chosen = packing.choose(SortedFolder(source, quiet), None)
    pixels, labels, *_ = packing.decode(
        source, chosen, (20, 24), 3, window=None, background="white", fit="crop", of="--image-size"
    )
    packing.write(tmp_path / "b.npz", pixels, labels, chosen.classes)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
