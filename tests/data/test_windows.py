import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lab.data.decoding import decode
from gan_lab.data.windows import Window, value_range
from tests.data.test_image_files import png, read, saved

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
