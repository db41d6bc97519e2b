import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from gan_lab.data import values
from gan_lab.data.decoding import decode
from gan_lab.data.sources import OWN
from gan_lab.data.values import needed, read_whole, with_channels
from gan_lab.data.windows import Window
from gan_lab.utils.depth import Kind, Limits
from gan_lab.utils.errors import UserError
from tests.data.test_array_files import png16
from tests.data.test_image_files import png, saved

RANDOM = np.random.default_rng(0)
DEEP = RANDOM.integers(0, 4096, (8, 8, 5), dtype=np.uint16)


def npy(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def window(limits: Limits | None, kind: Kind = 16, *files: Path) -> Window:
    return Window(limits, files, kind=kind, of_all=True)


def read(path: Path, channels: int, within: Window, size: int = 8) -> np.ndarray:
    return values.read(path, size, channels, source=OWN, window=within).pixels


def test_eight_bits_in_grey_or_rgb_are_decoded_elsewhere() -> None:
    assert [needed(8, channels) for channels in (1, 2, 3, 4)] == [False, True, False, True]
    assert needed(16, 1)
    assert needed("float", 3)


def test_an_image_of_the_right_size_keeps_every_value(tmp_path: Path) -> None:
    expected = DEEP.transpose(2, 0, 1)
    files = {
        "a.npy": lambda path: npy(path, DEEP),
        "a.tif": lambda path: tifffile.imwrite(path, DEEP, photometric="minisblack", planarconfig="contig"),
    }
    for name, write in files.items():
        write(tmp_path / name)
        kept = read(tmp_path / name, 5, window((0, 4095)))
        assert kept.dtype == np.uint16
        assert np.array_equal(kept, expected)
    assert np.array_equal(read(tmp_path / "a.npy", 5, window((0, 4095), "float")), expected.astype(np.float32))


def test_wide_grey_and_colour_are_kept(tmp_path: Path) -> None:
    grey = saved(Image.fromarray(DEEP[:, :, 0]), tmp_path / "grey.png")
    assert np.array_equal(read(grey, 1, window((0, 4095)))[0], DEEP[:, :, 0])
    assert np.array_equal(read(grey, 3, window((0, 4095))), np.stack([DEEP[:, :, 0]] * 3))
    (tmp_path / "colour.png").write_bytes(png16(DEEP[:, :, :3]).read())
    assert np.array_equal(read(tmp_path / "colour.png", 3, window((0, 4095))), DEEP[:, :, :3].transpose(2, 0, 1))
    luma = np.rint(DEEP[:, :, :3] @ [0.299, 0.587, 0.114])
    assert np.array_equal(read(tmp_path / "colour.png", 1, window((0, 4095)))[0], luma)


def test_eight_bits_keep_their_values_at_a_greater_depth(tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    kept = read(png(tmp_path / "a.png", pixels), 3, window(None, 16, tmp_path / "a.png"))
    assert kept.dtype == np.uint16
    assert np.array_equal(kept, pixels.transpose(2, 0, 1))


def test_values_beyond_the_window_are_cut_and_what_is_no_number_is_its_lower_end(tmp_path: Path) -> None:
    array = np.array([[np.nan, -np.inf, -5, 0.4], [0.6, 90, 120, np.inf]], np.float32)
    path = npy(tmp_path / "a.npy", array)
    kept = values.read(path, (2, 4), 1, source=OWN, window=window((-3, 100))).pixels
    assert (kept.dtype, kept[0].tolist()) == (np.int16, [[-3, -3, -3, 0], [1, 90, 100, 100]])
    exact = values.read(path, (2, 4), 1, source=OWN, window=window((-3, 100), "float")).pixels
    assert exact[0, 0].tolist() == [-3, -3, -3, np.float32(0.4)]


def test_without_a_window_the_range_of_all_files_is_it(tmp_path: Path) -> None:
    files = [npy(tmp_path / f"{index}.npy", DEEP[:, :, :2] + np.uint16(1000 * index)) for index in range(2)]
    within = window(None, 16, *files)
    kept = [read(path, 2, within) for path in files]
    assert within.limits == (DEEP[:, :, :2].min(), DEEP[:, :, :2].max() + 1000)
    assert [np.array_equal(one, np.load(path).transpose(2, 0, 1)) for one, path in zip(kept, files, strict=True)] == [
        True,
        True,
    ]


def test_channels_of_eight_bits_are_stretched_where_a_window_says_so(tmp_path: Path) -> None:
    narrow = RANDOM.integers(0, 256, (8, 8, 4), dtype=np.uint8)
    path = npy(tmp_path / "a.npy", narrow)
    assert np.array_equal(read(path, 4, window(None, 8)), narrow.transpose(2, 0, 1))
    stretched = np.rint((narrow.clip(100, 151) - 100.0) * 5)
    assert np.array_equal(read(path, 4, window((100, 151), 8)), stretched.transpose(2, 0, 1))


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_other_sizes_are_resized_channel_by_channel(fit: str, tmp_path: Path) -> None:
    flat = np.broadcast_to(np.array([100, 2000, 4000, 50, 60], np.uint16), (6, 12, 5))
    path = npy(tmp_path / "a.npy", flat)
    resized = values.read(path, 4, 5, source=OWN, window=window((0, 4080)), fit=fit, background="black")  # type: ignore[arg-type]
    assert resized.size == (12, 6)
    middle = resized.pixels[:, 1:3]
    assert middle.reshape(5, -1).min(1).tolist() == middle.reshape(5, -1).max(1).tolist() == [100, 2000, 4000, 50, 60]
    edge = resized.pixels[:, 0, 0].tolist()
    assert edge == ([0] * 5 if fit == "pad" else [100, 2000, 4000, 50, 60])


def test_the_background_is_a_share_of_the_window(tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", np.zeros((2, 4, 1), np.int16))
    padded = values.read(path, 4, 1, source=OWN, window=window((-1000, 1040)), fit="pad", background="white").pixels
    assert padded[0, :, 0].tolist() == [1040, 0, 0, 1040]


@pytest.mark.parametrize("half", ["left", "right"])
def test_a_half_is_an_image(half: str, tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", np.concatenate((DEEP, DEEP[::-1]), 1))
    kept = values.read(path, 8, 5, source=OWN, window=window((0, 4095)), half=half).pixels  # type: ignore[arg-type]
    assert np.array_equal(kept, (DEEP if half == "left" else DEEP[::-1]).transpose(2, 0, 1))
    odd = npy(tmp_path / "odd.npy", DEEP[:, :7])
    with pytest.raises(ValueError, match="a width of 7 pixels, which is odd"):
        values.read(odd, 8, 5, source=OWN, window=window((0, 4095)), half=half)  # type: ignore[arg-type]


def test_other_numbers_of_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"it has 5 channels, and data\.channels=4"):
        with_channels(DEEP, 4)
    tifffile.imwrite(tmp_path / "a.tif", DEEP, photometric="minisblack", planarconfig="contig")
    with pytest.raises(UserError, match=r"a\.tif \(it has 5 channels, and data\.channels=3\)\. No image is left"):
        decode([tmp_path / "a.tif"], np.empty((1, 3, 8, 8), np.uint8))


def test_a_whole_image_keeps_its_size_or_is_resized_by_its_shorter_side(tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", DEEP[:4])
    whole = read_whole(path, 5, source=OWN, window=window((0, 4095)))
    assert np.array_equal(whole.pixels, DEEP[:4].transpose(2, 0, 1))
    assert (whole.alpha, whole.is_wide) == (None, True)
    assert read_whole(path, 5, source=OWN, window=window((0, 4095)), side=6).pixels.shape == (5, 6, 12)


def test_many_images_are_decoded_at_their_depth(tmp_path: Path) -> None:
    files = [npy(tmp_path / f"{index}.npy", DEEP + np.uint16(index)) for index in range(5)]
    (tmp_path / "2.npy").write_bytes(io.BytesIO(b"nothing").read())
    out = np.empty((5, 5, 8, 8), np.uint16)
    outcome = decode(files, out, window=window((0, 5000)))
    assert outcome.damaged == [2]
    assert np.array_equal(out[:4, :, 0, 0], [DEEP[0, 0] + index for index in (0, 1, 3, 4)])
