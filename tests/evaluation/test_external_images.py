from pathlib import Path

import numpy as np
import pytest
import torch

from gan_lab.evaluation.external_images import load
from gan_lab.utils import memory
from gan_lab.utils.errors import UserError
from gan_lab.utils.images import save_png

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
        (IMAGES.float(), r"must hold images uint8 \(n, 1 or 3, height, width\), not float32 \(6, 1, 8, 8\)"),
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
        ("notes.txt", "not a run folder, a folder of images, or a .pt or .npy file"),
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
