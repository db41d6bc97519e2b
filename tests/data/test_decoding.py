import io
import sys
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_lab.data import decoding, formats, image_files, threads
from gan_lab.data.decoding import allocate, decode
from gan_lab.utils.errors import UserError
from tests.data.test_image_files import GREY, RANDOM, png, read, saved


def test_the_size_of_the_picture_in_the_file_is_told_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = saved(Image.new("RGB", (640, 320)), tmp_path / "photo.jpg", exif=exif)
    drawing = saved(Image.new("RGB", (64, 32)), tmp_path / "drawing.png")
    (tmp_path / "damaged.png").write_text("text")
    files = [photo, tmp_path / "damaged.png", drawing]
    assert decode(files, np.empty((3, 3, 8, 8), np.uint8)).sizes == [(320, 640), (64, 32)]


@pytest.mark.parametrize(
    ("drawn", "background", "hidden"), [(255, "white", True), (255, "black", False), (0, "black", True)]
)
def test_a_drawing_that_its_ground_hides_is_told_of(drawn: int, background: str, hidden: bool, tmp_path: Path) -> None:
    pixels = np.full((8, 8, 4), drawn, np.uint8)
    pixels[..., 3] = np.arange(8) // 4 * 255
    files = [png(tmp_path / "a.png", pixels), png(tmp_path / "b.png")]
    told = decode(files, np.empty((2, 3, 8, 8), np.uint8), background=background).warnings
    other = "black" if background == "white" else "white"
    line = f"1 of 2 images with transparent pixels can't be seen on {background}; data.background={other} lays them on"
    assert [line in warning for warning in told] == ([True] if hidden else [])
    assert read(files[0], 8, 3, background="#ff8000")[:, 0, 0].tolist() == [255, 128, 0]


@pytest.mark.parametrize("ending", ["tiff", "gif", "webp", "png"])
def test_pages_that_are_not_used_are_counted(ending: str, tmp_path: Path) -> None:
    pages = [Image.fromarray(RANDOM.integers(0, 256, (8, 8), dtype=np.uint8)) for _ in range(5)]
    files = [
        saved(pages[0], tmp_path / f"stack.{ending}", save_all=True, append_images=pages[1:]),
        png(tmp_path / "a.png"),
    ]
    (told,) = decode(files, np.empty((2, 3, 8, 8), np.uint8)).warnings
    assert told == "1 of 2 image files have several pages or frames; the first of each is used, and 4 are not"


def test_one_large_image_at_a_time_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LARGE", 10)
    files = [saved(Image.fromarray(GREY.astype(np.uint16) + index), tmp_path / f"{index}.png") for index in range(20)]
    inside, most = [0], [0]
    reduced = image_files._reduced

    def watched(*arguments: Any) -> Image.Image:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        sleep(0.005)
        inside[0] -= 1
        return reduced(*arguments)

    monkeypatch.setattr(image_files, "_reduced", watched)
    assert decode(files, np.empty((20, 1, 8, 8), np.uint8)).damaged == []
    assert most == [1]


def test_memory_is_refused_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert allocate(2, 3, 8, of="here").shape == (2, 3, 8, 8)
    monkeypatch.setattr(decoding.memory, "available", lambda: 10**9)
    with pytest.raises(
        UserError, match=r"here: 3,000 images of 13000x13000 pixels need 507\.0 GB of memory, and 1\.0 GB"
    ):
        allocate(3000, 1, 13_000, of="here")
    assert allocate(2, 3, (4, 8), of="here").shape == (2, 3, 4, 8)
    with pytest.raises(UserError, match="here: 3,000 images of 10000x13000 pixels"):
        allocate(3000, 1, (10_000, 13_000), of="here")


def damaged_files(folder: Path) -> list[Path]:
    """A text, half a JPEG, half a PNG, nothing, a link to nowhere, a folder, half a TIFF, a bomb."""
    folder.mkdir(exist_ok=True)
    (folder / "text.png").write_text("not an image")
    for name in ("half.jpg", "half.png"):
        buffer = io.BytesIO()
        Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(
            buffer, Image.EXTENSION[Path(name).suffix]
        )
        (folder / name).write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "link.png").symlink_to("/nowhere.png")
    whole = saved(Image.fromarray(np.zeros((8, 8), np.float32)), folder / "float.tiff")
    whole.write_bytes(whole.read_bytes()[:-99])
    saved(Image.new("1", (300, 300)), folder / "bomb.png")
    return sorted(folder.iterdir())


def test_damaged_files_are_left_out_and_named_with_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.init()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100 * 100)
    damaged = damaged_files(tmp_path / "damaged")
    sound = [png(tmp_path / f"{index}.png", np.full((8, 8, 3), 100 * index, np.uint8)) for index in range(3)]
    files = [sound[0], *damaged[:4], sound[1], *damaged[4:], sound[2]]
    out = np.full((len(files), 3, 8, 8), 99, np.uint8)
    left_out, (told,), _ = decode(files, out)
    assert [files[index] for index in left_out] == damaged
    assert [int(image.mean()) for image in out[:4]] == [0, 100, 200, 99]
    assert told.startswith("7 of 10 images can't be read: ")
    assert all(str(path) in told for path in damaged[:5])
    assert str(damaged[5]) not in told
    assert told.endswith("and 2 more. These files are left out.")


def test_nothing_but_damaged_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(UserError, match=r"1 of 1 images can't be read: .*a\.png \(not an image\)\. No image is left"):
        decode([tmp_path / "a.png"], np.empty((1, 3, 8, 8), np.uint8))


def test_many_files_on_a_terminal_get_a_progress_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files, out = [png(tmp_path / "a.png")] * 5, np.empty((5, 3, 8, 8), np.uint8)
    decode(files, out)
    monkeypatch.setattr(decoding, "MANY", 5)
    decode(files, out)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    decode(files, out, quiet=True)
    assert capsys.readouterr().err == ""
    decode(files, out)
    assert "Decoding: 100%" in capsys.readouterr().err


def test_more_files_than_wait_at_once_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "CHUNK", 4)
    files = [png(tmp_path / f"{index}.png", np.full((8, 8), index, np.uint8)) for index in range(11)]
    out = np.empty((11, 1, 8, 8), np.uint8)
    assert decode(files, out).damaged == []
    assert out[:, 0, 0, 0].tolist() == list(range(11))
