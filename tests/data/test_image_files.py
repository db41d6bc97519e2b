from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from gan_lab.data import image_files
from gan_lab.data.decoding import decode
from gan_lab.data.image_files import existing_folder, fitted, read_whole
from gan_lab.data.windows import Window
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
    plain = image_files.plain
    monkeypatch.setattr(image_files, "plain", lambda image, *rest: sizes.append(image.width) or plain(image, *rest))
    assert np.abs(read(path, 8, 3) - expected).max() <= 3
    assert sizes == [32]


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


@pytest.mark.parametrize(("mode", "ending"), [("CMYK", "tiff"), ("P", "png"), ("1", "png"), ("CMYK", "jpg")])
def test_other_colour_models_become_rgb(mode: str, ending: str, tmp_path: Path) -> None:
    corners = Image.fromarray(np.where(SIDES > 0, 255, 0).astype(np.uint8)).convert(mode)
    expected = np.array(corners.convert("RGB")).transpose(2, 0, 1).astype(int)
    assert np.abs(read(saved(corners, tmp_path / f"a.{ending}"), 8, 3) - expected).max() <= (
        8 if ending == "jpg" else 0
    )


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
