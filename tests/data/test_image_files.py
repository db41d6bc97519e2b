import io
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from gan_lab.data import image_files
from gan_lab.data.image_files import decode, existing_folder, find, read, split_files
from gan_lab.utils.errors import UserError

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8)
GREY = COLOUR[:, :, 0]
SIDES = np.repeat(np.array([[[255, 0, 0], [0, 0, 255]]], dtype=np.uint8), 4, 1).repeat(8, 0)  # left red, right blue


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def png(path: Path, pixels: np.ndarray = COLOUR) -> Path:
    return saved(Image.fromarray(pixels), path)


def test_files_are_found_at_any_depth_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.PNG", "a/z.jpg", "a/deep/er/x.webp", "c.bmp"):
        saved(Image.fromarray(COLOUR), tmp_path / name)
    for name in ("notes.txt", ".hidden.png", ".thumbs/a.png", "a/._z.jpg", "noending"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    names = [path.relative_to(tmp_path).as_posix() for path in find(tmp_path)]
    assert names == ["a/deep/er/x.webp", "a/z.jpg", "b.PNG", "c.bmp"]


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    png(tmp_path / "elsewhere/a.png")
    (tmp_path / "root/own").mkdir(parents=True)
    (tmp_path / "root/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/own/circle").symlink_to(tmp_path / "root")
    assert [path.name for path in find(tmp_path / "root")] == ["a.png"]


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UserError, match=f"{tmp_path}: contains no images"):
        find(tmp_path)


def test_a_folder_that_is_none_is_named_by_its_option(tmp_path: Path) -> None:
    assert existing_folder(str(tmp_path), "data.root") == tmp_path
    with pytest.raises(UserError, match=r"data\.root=/nowhere: no such folder"):
        existing_folder("/nowhere", "data.root")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file, not a folder"):
        existing_folder(str(tmp_path / "file"), "data.root")


@pytest.mark.parametrize(
    ("share", "count", "tests"),
    [(0.1, 25, [9, 19]), (0.0, 5, []), (0.5, 5, [1, 3]), (0.25, 8, [3, 7]), (0.75, 4, [1, 2, 3]), (0.1, 1, [])],
)
def test_the_held_out_share_is_spread_evenly(share: float, count: int, tests: list[int]) -> None:
    files = [Path(str(index)) for index in range(count)]
    train, test = split_files(files, share)
    assert test == [files[index] for index in tests]
    assert train == [path for path in files if path not in test]


def test_an_image_of_the_right_size_keeps_every_pixel(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png")
    assert np.array_equal(read(path, 8, 3), COLOUR.transpose(2, 0, 1))
    assert np.array_equal(read(png(tmp_path / "b.png", GREY), 8, 1), GREY[None])
    assert np.array_equal(read(path, 8, 1)[0], np.array(Image.fromarray(COLOUR).convert("L")))
    assert np.array_equal(read(png(tmp_path / "b.png", GREY), 8, 3), np.stack([GREY] * 3))


@pytest.mark.parametrize("shape", [(8, 24), (24, 8)])
def test_the_middle_of_the_longer_side_is_kept(shape: tuple[int, int], tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 256, (*shape, 3), dtype=np.uint8)
    middle = pixels[:, 8:16] if shape[1] > shape[0] else pixels[8:16]
    assert np.array_equal(read(png(tmp_path / "a.png", pixels), 8, 3), middle.transpose(2, 0, 1))


def test_shrinking_averages(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    shrunk = read(png(tmp_path / "a.png", stripes), 8, 1)
    assert np.abs(shrunk.astype(int) - 127.5).max() < 10


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (300, 2), (7, 9)])
def test_any_size_becomes_the_wanted_one(size: tuple[int, int], tmp_path: Path) -> None:
    path = saved(Image.new("RGB", size, (10, 20, 30)), tmp_path / "a.png")
    expected = np.broadcast_to(np.array([10, 20, 30], np.uint8)[:, None, None], (3, 16, 16))
    assert np.array_equal(read(path, 16, 3), expected)


def test_large_photos_are_decoded_at_a_fraction_and_look_the_same(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 1024).astype(np.uint8)
    image = Image.fromarray(np.stack(np.meshgrid(ramp, ramp), 2).mean(2).astype(np.uint8)).convert("RGB")
    photo = read(saved(image, tmp_path / "a.jpg", quality=95), 16, 3)
    exact = read(saved(image, tmp_path / "a.png"), 16, 3)
    assert np.abs(photo.astype(int) - exact).max() <= 3


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_the_cameras_orientation_is_applied(ending: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise: what is left goes up
    path = saved(
        Image.fromarray(SIDES), tmp_path / f"a.{ending}", exif=exif, **({"quality": 95} if ending == "jpg" else {})
    )
    turned = read(path, 8, 3)
    assert turned[0, 0].min() > 200
    assert turned[2, -1].min() > 200
    assert turned[0, -1].max() < 60


def test_what_is_transparent_is_laid_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4] = (255, 0, 0, 255)
    pixels[4:] = (0, 0, 0, 0)
    rgba = Image.fromarray(pixels)
    half = Image.new("LA", (8, 8), (0, 128))
    palette = rgba.convert("P")
    palette.info["transparency"] = palette.getpixel((0, 7))
    for image in (rgba, palette):
        for ending in ("png", "gif"):
            read_back = read(saved(image, tmp_path / f"{image.mode}.{ending}"), 8, 3)
            assert read_back[:, 0, 0].tolist() == [255, 0, 0]
            assert read_back[:, 7, 7].tolist() == [255, 255, 255]
    assert np.all(read(saved(half, tmp_path / "half.png"), 8, 1) == 127)


@pytest.mark.parametrize("ending", ["png", "tiff", "pgm"])
def test_sixteen_bits_become_eight(ending: str, tmp_path: Path) -> None:
    wide = Image.fromarray(GREY.astype(np.uint16) * 257)
    path = saved(wide, tmp_path / f"a.{ending}")
    assert Image.open(path).mode.startswith("I")
    assert np.array_equal(read(path, 8, 1)[0], GREY)
    assert np.array_equal(read(path, 8, 3), np.stack([GREY] * 3))


@pytest.mark.parametrize(("mode", "ending"), [("CMYK", "tiff"), ("P", "png"), ("1", "png"), ("CMYK", "jpg")])
def test_other_colour_models_become_rgb(mode: str, ending: str, tmp_path: Path) -> None:
    corners = Image.fromarray(np.where(SIDES > 0, 255, 0).astype(np.uint8)).convert(mode)
    expected = np.array(corners.convert("RGB")).transpose(2, 0, 1).astype(int)
    assert np.abs(read(saved(corners, tmp_path / f"a.{ending}"), 8, 3) - expected).max() <= (
        8 if ending == "jpg" else 0
    )


def damaged_files(folder: Path) -> list[Path]:
    """A text, half a JPEG, half a PNG, nothing, a link to nowhere, a folder, floats without a range, a bomb."""
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
    saved(Image.fromarray(np.zeros((8, 8), np.float32)), folder / "float.tiff")
    saved(Image.new("1", (300, 300)), folder / "bomb.png")
    return sorted(folder.iterdir())


def test_damaged_files_are_left_out_and_named_with_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Image.init()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100 * 100)
    damaged = damaged_files(tmp_path / "damaged")
    sound = [png(tmp_path / f"{index}.png", np.full((8, 8, 3), index, np.uint8)) for index in range(3)]
    files = [sound[0], *damaged[:4], sound[1], *damaged[4:], sound[2]]
    out = np.full((len(files), 3, 8, 8), 99, np.uint8)
    assert [files[index] for index in decode(files, out)] == damaged
    assert [int(image.mean()) for image in out[:4]] == [0, 1, 2, 99]
    assert "7 of 10 images can't be read: " in caplog.text
    assert all(str(path) in caplog.text for path in damaged[:5])
    assert str(damaged[5]) not in caplog.text
    assert "and 2 more. These files are left out." in caplog.text


def test_nothing_but_damaged_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(UserError, match=r"1 of 1 images can't be read: .*a\.png \(not an image\)\. No image is left"):
        decode([tmp_path / "a.png"], np.empty((1, 3, 8, 8), np.uint8))


def test_another_process_may_do_the_talking(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.png").write_text("text")
    assert decode([tmp_path / "a.png", png(tmp_path / "b.png")], np.empty((2, 3, 8, 8), np.uint8), quiet=True) == [0]
    assert caplog.text == ""


def test_many_files_on_a_terminal_get_a_progress_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files, out = [png(tmp_path / "a.png")] * 5, np.empty((5, 3, 8, 8), np.uint8)
    decode(files, out)
    monkeypatch.setattr(image_files, "MANY", 5)
    decode(files, out)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    decode(files, out)
    assert "Decoding: 100%" in capsys.readouterr().err


def test_more_files_than_wait_at_once_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "CHUNK", 4)
    files = [png(tmp_path / f"{index}.png", np.full((8, 8), index, np.uint8)) for index in range(11)]
    out = np.empty((11, 1, 8, 8), np.uint8)
    assert decode(files, out) == []
    assert out[:, 0, 0, 0].tolist() == list(range(11))


def test_postscript_is_no_image(tmp_path: Path) -> None:
    """Pillow would hand it to Ghostscript, whatever the file is called."""
    assert ".eps" not in image_files.extensions()
    assert {"PNG", "JPEG", "WEBP"} <= set(image_files.formats())
    file = saved(Image.fromarray(COLOUR), tmp_path / "picture.eps").rename(tmp_path / "picture.png")
    with pytest.raises(Exception, match="cannot identify image file"):
        read(file, 8, 3)


def test_postscript_in_a_wrapper_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def record(tag: bytes, content: bytes) -> bytes:
        return b"\x1c" + tag + len(content).to_bytes(2, "big") + content

    given: list[object] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *arguments: given.append(arguments))
    eps = saved(Image.fromarray(COLOUR), tmp_path / "picture.eps").read_bytes()
    tags = {b"\x03\x3c": b"\x01\x00", b"\x03\x14": b"\x08", b"\x03\x1e": b"\x08", b"\x03\x78": b"\x05"}
    parts = [eps[start : start + 120] for start in range(0, len(eps), 120)]
    iptc = b"".join(
        [*(record(tag, content) for tag, content in tags.items()), *(record(b"\x08\x0a", p) for p in parts)]
    )
    file = tmp_path / "0.png"
    file.write_bytes(iptc + bytes(5))
    with suppress(Exception):  # it gives back no picture
        Image.open(file).load()
    assert given, "Pillow unwraps it, and calls Ghostscript"
    given.clear()
    with pytest.raises(Exception, match="cannot identify image file"):
        read(file, 8, 3)
    assert not given
