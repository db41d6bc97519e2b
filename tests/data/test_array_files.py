import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from gan_lab.data.array_files import Array, read

RANDOM = np.random.default_rng(0)
WIDE = RANDOM.integers(0, 65536, (5, 7, 5), dtype=np.uint16)


def npy(array: np.ndarray) -> io.BytesIO:
    file = io.BytesIO()
    np.save(file, array)
    file.seek(0)
    return file


def png16(pixels: np.ndarray) -> io.BytesIO:
    """A PNG of 16 bits, (height, width, 2 to 4)."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def tiff(pixels: np.ndarray, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **{"photometric": "minisblack"} | options)
    file.seek(0)
    return file


def same(array: Array | None, expected: np.ndarray) -> bool:
    return array is not None and array.dtype == expected.dtype and np.array_equal(array, expected)


def test_an_npy_is_an_image() -> None:
    assert same(read(npy(WIDE), "a.npy"), WIDE)
    assert same(read(npy(WIDE[:, :, 0]), "a.npy"), WIDE[:, :, :1])
    assert same(read(npy(WIDE[:, :, 0] > 9), "a.NPY"), ((WIDE[:, :, :1] > 9) * 255).astype(np.uint8))


@pytest.mark.parametrize("array", [WIDE[0, 0], WIDE[None], WIDE[:0], WIDE.astype(complex), WIDE.astype(str)])
def test_an_array_that_is_no_image_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="is no image"):
        read(npy(array), "a.npy")


def test_nothing_is_unpickled() -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        read(npy(np.array([{}], dtype=object)), "a.npy")


def test_colours_of_16_bits_are_kept() -> None:
    assert same(read(png16(WIDE[:, :, :3]), "a.png"), WIDE[:, :, :3])
    assert read(png16(WIDE[:, :, :2]), "a.png") is None, "grey with alpha"


def test_transparent_colours_are_laid_over_the_background() -> None:
    pixels = WIDE[:, :, :4].copy()
    pixels[0, :, 3], pixels[1:, :, 3] = 0, 65535
    pixels[1, 0] = (0, 65535, 100, 13107)  # a fifth of it shows
    laid = read(png16(pixels), "a.png", "#ff0000")
    assert laid is not None
    assert np.array_equal(laid[2:], pixels[2:, :, :3])
    assert (laid[0] == [65535, 0, 0]).all()
    assert laid[1, 0].tolist() == [52428, 13107, 20]


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"planarconfig": "contig"}, {"byteorder": ">"}])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_a_tiff_has_any_number_of_channels(dtype: type, options: dict[str, object]) -> None:
    pixels = WIDE.astype(dtype)
    assert same(read(tiff(pixels, **{"planarconfig": "contig"} | options), "a.tif"), pixels)
    apart = tiff(pixels.transpose(2, 0, 1), **options | {"planarconfig": "separate"})
    assert same(read(apart, "a.tif"), pixels)


def test_a_tiff_of_signed_values_keeps_them() -> None:
    signed = (WIDE[:, :, 0].astype(np.int32) - 32768).astype(np.int16)
    assert same(read(tiff(signed), "a.tif"), signed[:, :, None])


def test_what_pillow_keeps_is_left_to_it() -> None:
    for image in (
        Image.fromarray(WIDE[:, :, 0]),
        Image.new("RGB", (3, 2)),
        Image.new("F", (3, 2)),
        Image.new("L", (3, 2)),
    ):
        for kind in ("TIFF", *(["PNG"] if image.mode != "F" else [])):
            file = io.BytesIO()
            image.save(file, kind)
            file.seek(0)
            assert read(file, f"a.{kind.lower()}") is None
            assert file.tell() == 0


@pytest.mark.parametrize("content", [b"", b"II*\0", b"II*\0\x08\0\0\0", b"\x89PNG\r\n\x1a\n", b"text"])
def test_what_is_damaged_is_left_to_pillow_to_refuse(content: bytes) -> None:
    assert read(io.BytesIO(content), "a.tif") is None


def test_a_tiff_that_promises_too_much_is_refused() -> None:
    file = tiff(WIDE, planarconfig="contig", rowsperstrip=5)
    content = bytearray(file.read())
    with tifffile.TiffFile(io.BytesIO(bytes(content))) as opened:
        places = [opened.pages.first.tags[name].valueoffset for name in ("ImageWidth", "ImageLength")]
    for place in places:
        content[place : place + 2] = b"\xff\xff"
    with pytest.raises(ValueError, match=r"it promises [\d,]+ values"):
        read(io.BytesIO(bytes(content)), "a.tif")
