import io
import re
import sys
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageOps

from gan_lab.data import image_files
from gan_lab.data.image_files import (
    Window,
    allocate,
    decode,
    existing_folder,
    fitted,
    read_whole,
    unreadable,
    value_range,
)
from gan_lab.utils.errors import UserError

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8)
GREY = COLOUR[:, :, 0]
SIDES = np.repeat(np.array([[[255, 0, 0], [0, 0, 255]]], dtype=np.uint8), 4, 1).repeat(8, 0)  # left red, right blue


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def read(path: Path, size: int, channels: int, **options: Any) -> np.ndarray:
    return image_files.read(path, size, channels, **options).pixels


def test_the_size_of_the_picture_in_the_file_is_told_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = saved(Image.new("RGB", (640, 320)), tmp_path / "photo.jpg", exif=exif)
    drawing = saved(Image.new("RGB", (64, 32)), tmp_path / "drawing.png")
    (tmp_path / "damaged.png").write_text("text")
    files = [photo, tmp_path / "damaged.png", drawing]
    assert decode(files, np.empty((3, 3, 8, 8), np.uint8)).sizes == [(320, 640), (64, 32)]


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_half_of_an_image_is_decoded_like_an_image(ending: str, tmp_path: Path) -> None:
    blocks = np.kron(SIDES[:1, :, :], np.ones((16 * 8, 16, 1), np.uint8))  # 128x128: left red, right blue
    path = saved(Image.fromarray(blocks), tmp_path / f"a.{ending}", **({"subsampling": 0} if ending == "jpg" else {}))
    halves = [image_files.read(path, 8, 3, half=half) for half in ("left", "right")]
    for half, colour in zip(halves, ([255, 0, 0], [0, 0, 255]), strict=True):
        assert half.size == (64, 128)
        assert abs(half.pixels.astype(int) - np.array(colour)[:, None, None]).max() <= 2, "nothing of the other half"
    odd = png(tmp_path / "odd.png", np.zeros((4, 7, 3), np.uint8))
    with pytest.raises(ValueError, match="a width of 7 pixels, which is odd, has no two halves"):
        read(odd, 4, 3, half="left")


def png(path: Path, pixels: np.ndarray = COLOUR) -> Path:
    return saved(Image.fromarray(pixels), path)


def test_a_folder_that_is_none_is_named_by_its_option(tmp_path: Path) -> None:
    assert existing_folder(str(tmp_path), "data.root") == tmp_path
    with pytest.raises(UserError, match=r"data\.root=/nowhere: no such folder"):
        existing_folder("/nowhere", "data.root")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file, not a folder"):
        existing_folder(str(tmp_path / "file"), "data.root")


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
    window = Window((0, 65535))
    assert np.array_equal(read(path, 8, 1, window=window)[0], GREY)
    assert np.array_equal(read(path, 8, 3, window=window), np.stack([GREY] * 3))


WIDE = {  # values of two images, darker and brighter, and what is lowest and highest in both together
    "twelve of sixteen bits": (np.uint16, "png", 0, 4095),
    "signed scan": (np.int16, "tiff", -1024, 3071),
    "eight of thirty-two bits": (np.int32, "tiff", 0, 255),
    "floating points": (np.float32, "tiff", -0.5, 2.5),
}


@pytest.mark.parametrize(("dtype", "ending", "low", "high"), WIDE.values(), ids=WIDE)
@pytest.mark.parametrize("channels", [1, 3])
def test_wide_pixels_are_stretched_by_the_range_of_all_files_together(
    channels: int, dtype: type, ending: str, low: float, high: float, tmp_path: Path
) -> None:
    middle = (low + high) / 2
    values = [np.linspace(low, middle, 64), np.linspace(middle, high, 64)]
    files = [
        saved(Image.fromarray(ramp.astype(dtype).reshape(8, 8)), tmp_path / f"{index}.{ending}")
        for index, ramp in enumerate(values)
    ]
    assert value_range(files) == (low, high)
    out = np.empty((2, channels, 8, 8), np.uint8)
    assert decode(files, out)[:2] == ([], [])
    assert [int(out[0].min()), int(out[1].max())] == [0, 255]
    assert abs(int(out[0].max()) - 127.5) <= 1 >= abs(int(out[1].min()) - 127.5)
    alone = np.empty((1, channels, 8, 8), np.uint8)
    decode(files[:1], alone, window=Window(files=files))
    assert np.array_equal(alone[0], out[0]), "whichever files are decoded"


def test_eight_bits_stay_as_they_are_beside_wide_ones_unless_a_window_is_given(tmp_path: Path) -> None:
    narrow = np.linspace(100, 150, 64).reshape(8, 8).astype(np.uint8)
    files = [png(tmp_path / "a.png", narrow), saved(Image.fromarray(narrow.astype(np.uint16) * 9), tmp_path / "b.png")]
    out = np.empty((2, 1, 8, 8), np.uint8)
    decode(files, out)
    assert np.array_equal(out[0, 0], narrow)
    assert [int(out[1].min()), int(out[1].max())] == [0, 255]
    for channels in (1, 3):
        stretched = read(files[0], 8, channels, window=Window((100, 150)))
        assert np.array_equal(stretched[0], np.rint((narrow - 100.0) * 5.1).astype(np.uint8))
    assert read(files[0], 8, 1, window=Window((0, 120))).max() == 255, "what is brighter is white"
    with pytest.raises(ValueError, match=r"data\.window=\[5, 5\]: the first value must be below the second"):
        Window((5, 5))


def test_what_is_no_number_is_black_and_does_not_count(tmp_path: Path) -> None:
    values = np.linspace(0, 10, 64, dtype=np.float32).reshape(8, 8)
    values[0, :3] = np.nan, np.inf, -np.inf
    path = saved(Image.fromarray(values), tmp_path / "a.tiff")
    assert value_range([path]) == (pytest.approx(30 / 63), 10)
    assert read(path, 8, 1)[0, 0, :3].tolist() == [0, 255, 0]
    assert value_range([png(tmp_path / "b.png"), tmp_path / "nowhere.png"]) == (0, 0)


@pytest.mark.parametrize(
    ("pixels", "limits", "said"),
    [
        (np.arange(64).reshape(8, 8) % 5, None, r"between 0 and 4 of 255, .*data\.window=\[0,4\]"),
        (np.full((8, 8), 255), None, r"between 255 and 255 of 255, .*data\.window=\[255,256\]"),
        (np.arange(64).reshape(8, 8), (0, 4000), r"between 0 and 4 of 255, .*data\.window=\[0,62\.7\d*\]"),
        (np.arange(64).reshape(8, 8), None, None),
    ],
)
def test_images_that_show_next_to_nothing_are_told_of(
    pixels: np.ndarray, limits: tuple[float, float] | None, said: str | None, tmp_path: Path
) -> None:
    path = png(tmp_path / "a.png", pixels.astype(np.uint8))
    told = decode([path], np.empty((1, 3, 8, 8), np.uint8), window=Window(limits)).warnings
    assert len(told) == (said is not None)
    assert said is None or re.search(said, told[0])


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


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16", "I", "F"])
def test_large_images_are_reduced_before_they_are_converted_and_look_the_same(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ramp = np.linspace(0, 255, 256).astype(np.uint8)
    image = Image.fromarray(np.stack(np.meshgrid(ramp, ramp), 2).mean(2).astype(np.uint8))
    wide = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    image = Image.fromarray(np.asarray(image).astype(wide[mode])) if mode in wide else image.convert(mode)
    path = saved(image, tmp_path / ("a.tiff" if mode in wide else "a.png"))
    expected = read(path, 8, 3).astype(int)
    sizes: list[int] = []
    monkeypatch.setattr(image_files, "LARGE", 1000)
    plain = image_files._plain
    monkeypatch.setattr(image_files, "_plain", lambda image, *rest: sizes.append(image.width) or plain(image, *rest))
    assert np.abs(read(path, 8, 3) - expected).max() <= 3
    assert sizes == [32]


def test_one_large_image_at_a_time_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "LARGE", 10)
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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(30, 40), (40, 30), (9, 70), (48, 96), (1, 5)])
@pytest.mark.parametrize("size", [(48, 96), (60, 45), (16, 16)])
def test_pictures_fit_in_three_ways_as_pillow_makes_them(
    size: tuple[int, int], shape: tuple[int, int], channels: int, tmp_path: Path
) -> None:
    path = png(tmp_path / "a.png", np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8))
    picture, (height, width) = Image.open(path).convert("RGB" if channels == 3 else "L"), size
    kept = ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)
    bent = picture.resize((width, height), Image.Resampling.BICUBIC)
    for fit, expected in ({"crop": kept, "stretch": bent}).items():
        pixels = image_files.read(path, size, channels, fit=fit).pixels
        assert np.array_equal(pixels, np.atleast_3d(np.asarray(expected)).transpose(2, 0, 1))
    scale = min(height / shape[0], width / shape[1])
    across, down = (max(1, round(length * scale)) for length in reversed(shape))
    expected = np.empty((height, width, channels), np.uint8)
    expected[:] = {1: [76], 3: [255, 0, 0]}[channels]  # red, in grey
    top, left = (height - down) // 2, (width - across) // 2
    inner = picture.resize((across, down), Image.Resampling.BICUBIC)
    expected[top : top + down, left : left + across] = np.atleast_3d(np.asarray(inner))
    pixels = image_files.read(path, size, channels, fit="pad", background="red").pixels
    assert np.array_equal(pixels, expected.transpose(2, 0, 1))


def test_a_picture_of_the_right_size_stays_as_it_is_in_each_way(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", COLOUR[:5])
    for fit in ("crop", "pad", "stretch"):
        assert np.array_equal(image_files.read(path, (5, 8), 3, fit=fit).pixels, COLOUR[:5].transpose(2, 0, 1))


def test_padding_is_what_pillow_pads(tmp_path: Path) -> None:
    picture = Image.fromarray(COLOUR[:4])  # twice as wide as high
    assert np.array_equal(fitted(picture, (32, 32), "pad", "#102030"), ImageOps.pad(picture, (32, 32), color="#102030"))
    ribbon = fitted(Image.new("L", (1000, 1)), (8, 8), "pad")
    assert [np.asarray(ribbon)[row].tolist() for row in (2, 3, 4)] == [[255] * 8, [0] * 8, [255] * 8], "a row is left"


def test_photos_are_turned_before_they_fit(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    blocks = np.kron(SIDES, np.ones((8, 40, 1), np.uint8))  # left red, right blue; upright: above red, below blue
    path = saved(Image.fromarray(blocks), tmp_path / "a.jpg", exif=exif, subsampling=0)
    for fit in ("crop", "pad", "stretch"):
        pixels = image_files.read(path, (20, 4), 3, fit=fit).pixels.astype(int)
        assert abs(pixels[:, 5] - np.array([[255], [0], [0]])).max() <= 2
        assert abs(pixels[:, 14] - np.array([[0], [0], [255]])).max() <= 2


def test_decoding_takes_the_shape_of_its_target(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", COLOUR)
    out = np.empty((1, 3, 4, 6), np.uint8)
    decode([path], out, fit="pad", background="black")
    assert np.array_equal(out[0], image_files.read(path, (4, 6), 3, fit="pad", background="black").pixels)
    assert not out[..., 0].any(), "the background"


def test_memory_is_refused_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert allocate(2, 3, 8, of="here").shape == (2, 3, 8, 8)
    monkeypatch.setattr(image_files.memory, "available", lambda: 10**9)
    with pytest.raises(
        UserError, match=r"here: 3,000 images of 13000x13000 pixels need 507\.0 GB of memory, and 1\.0 GB"
    ):
        allocate(3000, 1, 13_000, of="here")
    assert allocate(2, 3, (4, 8), of="here").shape == (2, 3, 4, 8)
    with pytest.raises(UserError, match="here: 3,000 images of 10000x13000 pixels"):
        allocate(3000, 1, (10_000, 13_000), of="here")


@pytest.mark.parametrize(("mode", "ending"), [("CMYK", "tiff"), ("P", "png"), ("1", "png"), ("CMYK", "jpg")])
def test_other_colour_models_become_rgb(mode: str, ending: str, tmp_path: Path) -> None:
    corners = Image.fromarray(np.where(SIDES > 0, 255, 0).astype(np.uint8)).convert(mode)
    expected = np.array(corners.convert("RGB")).transpose(2, 0, 1).astype(int)
    assert np.abs(read(saved(corners, tmp_path / f"a.{ending}"), 8, 3) - expected).max() <= (
        8 if ending == "jpg" else 0
    )


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
    monkeypatch.setattr(image_files, "MANY", 5)
    decode(files, out)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    decode(files, out, quiet=True)
    assert capsys.readouterr().err == ""
    decode(files, out)
    assert "Decoding: 100%" in capsys.readouterr().err


def test_more_files_than_wait_at_once_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "CHUNK", 4)
    files = [png(tmp_path / f"{index}.png", np.full((8, 8), index, np.uint8)) for index in range(11)]
    out = np.empty((11, 1, 8, 8), np.uint8)
    assert decode(files, out).damaged == []
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


def test_a_whole_image_keeps_its_size_and_its_transparency(tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 256, (5, 9, 4), dtype=np.uint8)
    pixels[..., 3] = np.where(np.arange(9) < 4, 0, 255)
    whole = read_whole(png(tmp_path / "a.png", pixels), 3, background="black")
    assert whole.alpha is not None
    assert np.array_equal(whole.alpha[0], pixels[..., 3])
    assert np.array_equal(whole.pixels, (pixels[..., :3] * (pixels[..., 3:] > 0)).transpose(2, 0, 1))
    plain = read_whole(png(tmp_path / "b.png", COLOUR[:5]), 1)
    assert (plain.pixels.shape, plain.alpha, plain.is_wide) == ((1, 5, 8), None, False)


def test_a_whole_image_is_upright_and_resized_by_its_shorter_side(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8  # to be turned by 270 degrees
    path = saved(Image.fromarray(COLOUR[:4]), tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_whole(path, 3).pixels, np.rot90(COLOUR[:4]).transpose(2, 0, 1))
    assert read_whole(path, 3, side=6).pixels.shape == (3, 12, 6)
    assert read_whole(saved(Image.new("RGBA", (300, 2)), tmp_path / "b.png"), 1, side=1).alpha.shape == (1, 1, 150)  # type: ignore[union-attr]


def test_a_whole_image_of_wide_pixels_has_the_range_of_a_window(tmp_path: Path) -> None:
    path = saved(Image.fromarray(np.array([[0, 500, 1000]], np.uint16)), tmp_path / "a.png")
    whole = read_whole(path, 1, window=Window((0, 1000), [path]))
    assert (whole.pixels.tolist(), whole.is_wide) == ([[[0, 128, 255]]], True)


def test_damaged_files_are_counted_and_the_first_named(tmp_path: Path) -> None:
    files = [tmp_path / f"{index}.png" for index in range(9)]
    said = unreadable(files, {index: ValueError(f"reason {index}") for index in range(1, 8)})
    assert said.startswith(f"7 of 9 images can't be read: {files[1]} (reason 1), ")
    assert said.endswith("(reason 5), and 2 more")
