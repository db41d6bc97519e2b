import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_lab.evaluation.external_images import load, load_labelled
from gan_lab.utils import memory
from gan_lab.utils.errors import UserError
from gan_lab.utils.images import png, save_png

IMAGES = torch.arange(6 * 64, dtype=torch.uint8).reshape(6, 1, 8, 8)
BORDERS = torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None].expand(2, 1, 8, 8)


def folder(place: Path, images: torch.Tensor) -> Path:
    for index, image in enumerate(images):
        (place / str(index % 2)).mkdir(parents=True, exist_ok=True)
        save_png(image, place / str(index % 2) / f"{index}.png")
    return place


def test_files_come_as_they_are(tmp_path: Path) -> None:
    torch.save(IMAGES, tmp_path / "images.pt")
    np.save(tmp_path / "images.npy", IMAGES.numpy())
    assert torch.equal(load(tmp_path / "images.pt", 1), IMAGES)
    assert torch.equal(load(tmp_path / "images.npy", 1), IMAGES)


@pytest.mark.parametrize("channels", [1, 3])
def test_folders_are_read_at_any_depth(channels: int, tmp_path: Path) -> None:
    found = load(folder(tmp_path / "images", IMAGES), channels)
    assert torch.equal(found, IMAGES[[0, 2, 4, 1, 3, 5]].expand(-1, channels, -1, -1))


def test_black_and_white_stay_black_and_white(tmp_path: Path) -> None:
    assert torch.equal(load(folder(tmp_path / "images", BORDERS), 1), BORDERS)


def test_a_damaged_image_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = folder(tmp_path / "images", IMAGES)
    (place / "damaged.png").write_bytes(b"no image")
    assert len(load(place, 1)) == 6
    assert "damaged.png" in caplog.text


def test_images_of_several_sizes_are_refused(tmp_path: Path) -> None:
    place = folder(tmp_path / "images", IMAGES)
    save_png(torch.zeros(1, 9, 9, dtype=torch.uint8), place / "large.png")
    with pytest.raises(UserError, match=r"of one size, but 0/0\.png has 8x8 pixels and large\.png has 9x9"):
        load(place, 1)


def test_more_than_memory_holds_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 383)
    with pytest.raises(
        UserError, match=r"images: 6 images of 8x8 pixels need 0\.0 GB of memory, .* take fewer or smaller"
    ):
        load(folder(tmp_path / "images", IMAGES), 1)


def test_images_keep_their_shape(tmp_path: Path) -> None:
    assert torch.equal(load(folder(tmp_path / "images", IMAGES[..., :4, :]), 1), IMAGES[[0, 2, 4, 1, 3, 5], :, :4])


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (IMAGES.float(), r"must hold images uint8 \(n, 1 or 3, height, width\) or .*, not float32 \(6, 1, 8, 8\)"),
        (IMAGES[:, 0], r"not uint8 \(6, 8, 8\)"),
        (IMAGES.expand(-1, 2, -1, -1), "but not as many values"),
        (IMAGES.to_sparse(), "no plain array"),
        (IMAGES.to("meta"), "no plain array"),
        (IMAGES[:0], r"not uint8 \(0, 1, 8, 8\)"),
        (IMAGES.repeat(1, 2, 1, 1), r"not uint8 \(6, 2, 8, 8\)"),
        ({"images": IMAGES}, "not dict"),
    ],
)
def test_a_file_of_anything_else_is_refused(saved: object, message: str, tmp_path: Path) -> None:
    torch.save(saved, tmp_path / "images.pt")
    with pytest.raises(UserError, match=message):
        load(tmp_path / "images.pt", 1)


def test_grey_images_are_none_of_a_colourful_dataset(tmp_path: Path) -> None:
    torch.save(IMAGES, tmp_path / "images.pt")
    with pytest.raises(UserError, match="holds grey images, but the dataset is RGB"):
        load(tmp_path / "images.pt", 3)


def test_reading_runs_no_code(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "executed",)

    torch.save(Payload(), tmp_path / "images.pt")
    np.save(tmp_path / "images.npy", np.array([Payload()], dtype=object), allow_pickle=True)
    for name in ("images.pt", "images.npy"):
        with pytest.raises(UserError, match="can't be read as images"):
            load(tmp_path / name, 1)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "no such file or folder"),
        ("empty", "contains no images"),
        ("notes.txt", "not a run folder, a folder of images, or a .zip, .tar, .npy, .npz or .pt file"),
        ("damaged.npy", "can't be read as images"),
    ],
)
def test_what_holds_no_images_is_named(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for file in ("notes.txt", "damaged.npy"):
        (tmp_path / file).write_text("to be or not to be")
    with pytest.raises(UserError, match=f"{name}.*{message}"):
        load(tmp_path / name, 1)


def test_an_array_that_promises_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 3, 1000, 1000)}"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"few"
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(UserError, match=r"images\.npy can't be read as images"):
        load(tmp_path / "images.npy", 1)


def archive(place: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(place, "w") as written:
        for name, content in files.items():
            written.writestr(name, content)
    return place


def test_an_archive_is_read_with_stylegans_labels(tmp_path: Path) -> None:
    files = {f"00000/{index}.png": png(image) for index, image in enumerate(IMAGES)}
    listed = {"labels": [[name, index % 2] for index, name in enumerate(files)]}
    found = load_labelled(archive(tmp_path / "a.zip", files), None)
    assert torch.equal(found.images, IMAGES)
    assert found.labels is None
    found = load_labelled(archive(tmp_path / "b.zip", files | {"dataset.json": json.dumps(listed).encode()}), 3)
    assert torch.equal(found.images, IMAGES.expand(-1, 3, -1, -1))
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_subfolders_are_classes_in_natural_order(kind: str, tmp_path: Path) -> None:
    files = {f"{name}/deeper/{index}.png": png(IMAGES[index]) for index, name in enumerate(("10", "cat", "9", "9"))}
    place = archive(tmp_path / "a.zip", files)
    if kind == "folder":
        with zipfile.ZipFile(place) as opened:
            opened.extractall(place := tmp_path / "a")
    found = load_labelled(place, None)
    assert found.classes == ["9", "10", "cat"]
    assert found.labels is not None
    assert found.labels.tolist() == [{"10": 1, "cat": 2, "9": 0}[name] for name in ("10", "9", "9", "cat")]


def test_without_several_subfolders_of_all_images_there_are_no_classes(tmp_path: Path) -> None:
    files = {f"only/{index}.png": png(image) for index, image in enumerate(IMAGES)}
    assert load_labelled(archive(tmp_path / "a.zip", files), None).classes is None
    files = {f"{index % 2}/{index}.png": png(image) for index, image in enumerate(IMAGES)}
    assert load_labelled(archive(tmp_path / "b.zip", files | {"beside.png": png(IMAGES[0])}), None).classes is None
    assert load_labelled(archive(tmp_path / "c.zip", files), None).classes == ["0", "1"]


def test_classes_of_an_array_have_names_or_are_numbers(tmp_path: Path) -> None:
    labels = np.array([0, 1, 0, 1, 0, 2])
    np.savez(tmp_path / "a.npz", images=IMAGES.numpy(), labels=labels, classes=np.array(["cat", "dog", "emu"]))
    assert load_labelled(tmp_path / "a.npz", None).classes == ["cat", "dog", "emu"]
    np.savez(tmp_path / "b.npz", images=IMAGES.numpy(), labels=labels)
    assert load_labelled(tmp_path / "b.npz", None).classes == ["0", "1", "2"]
    np.savez(tmp_path / "c.npz", images=IMAGES.numpy(), labels=labels, classes=np.array(["cat", "dog"]))
    with pytest.raises(UserError, match=r"c\.npz: has labels up to 2, and names for 2 classes only"):
        load_labelled(tmp_path / "c.npz", None)


def test_other_arrays_of_samples_are_read(tmp_path: Path) -> None:
    """As the samples of diffusion models are published: arr_0 with the channels last, arr_1 with the classes."""
    colour = IMAGES.expand(-1, 3, -1, -1)
    np.savez(tmp_path / "a.npz", colour.permute(0, 2, 3, 1).numpy(), np.arange(6))
    found = load_labelled(tmp_path / "a.npz", None)
    assert torch.equal(found.images, colour)
    assert found.labels is not None
    assert found.labels.tolist() == list(range(6))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"notes.txt": b"text"}, "contains no images"),
        ({"a.png": b"no image"}, r"1 of 1 images can't be read: \S+a\.png \(not an image\)\. No image is left"),
        ({"a.png": png(IMAGES[0]), "b.png": png(IMAGES[0][:, :4, :4])}, "of one size, but a.png has 8x8 pixels and b"),
        ({"a.png": png(IMAGES[0]), "dataset.json": b"{"}, r"a\.zip: dataset\.json can't be read"),
        ({"a.png": png(IMAGES[0]), "dataset.json": b'{"labels": [["a.png", -1]]}'}, "must be 1 whole numbers from 0"),
    ],
)
def test_wrong_archives_are_one_line(files: dict[str, bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        load_labelled(archive(tmp_path / "a.zip", files), None)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": IMAGES.numpy()}, "none of its arrays is named images or arr_0"),
        ({"mu": np.zeros(3), "sigma": np.eye(3)}, "it holds statistics, which take the place of images: --statistics"),
        ({"images": IMAGES.numpy(), "labels": np.zeros(5, int)}, "labels must be 6 whole numbers from 0 on"),
        ({"images": IMAGES.numpy(), "labels": np.full(6, -1)}, "labels must be 6 whole numbers from 0 on"),
    ],
)
def test_wrong_arrays_are_one_line(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=message):
        load_labelled(tmp_path / "a.npz", None)


def test_what_only_looks_like_an_archive_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("no archive")
    with pytest.raises(UserError, match="a.zip"):
        load_labelled(tmp_path / "a.zip", None)
