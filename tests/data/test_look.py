from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lab.data import places
from gan_lab.data.look import THUMBNAIL, look
from tests.data.archives import noise
from tests.data.test_survey import save


def test_an_upright_picture_is_what_counts(tmp_path: Path) -> None:
    image = Image.fromarray(noise(0, 16, 40, 3))
    exif = image.getexif()
    exif[274] = 6  # it lies on its side
    image.save(tmp_path / "a.png", exif=exif)
    found = look(tmp_path / "a.png")
    assert (found.width, found.height, found.mode) == (16, 40, "RGB")


def test_equal_pixels_have_equal_content_whatever_the_file(tmp_path: Path) -> None:
    pixels = noise(0, 8, 8, 3)
    for name in ("a.png", "b.bmp"):
        save(tmp_path / name, pixels)
    save(tmp_path / "c.png", pixels.transpose(1, 0, 2))
    save(tmp_path / "d.png", pixels.reshape(4, 16, 3))
    content = {name: look(tmp_path / name).content for name in ("a.png", "b.bmp", "c.png", "d.png")}
    assert content["a.png"] == content["b.bmp"]
    assert len(set(content.values())) == 3, "turned pixels, and other shapes, are other pictures"


def test_thumbnails_are_made_of_those_that_were_asked_for(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.zeros((20, 10, 4), np.uint8))
    assert look(tmp_path / "a.png").thumbnail is None
    small = look(tmp_path / "a.png", shown=[tmp_path / "a.png"]).thumbnail
    assert small is not None
    assert small.shape == (3, THUMBNAIL, THUMBNAIL)
    assert small.min() == 255, "transparent pixels lie on white"


def test_arrays_have_their_type_for_mode(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", noise(0, 6, 7, 5).astype(np.float32))
    source = places.at(str(tmp_path), "FOLDER")
    found = look(tmp_path / "a.npy", source=source)
    assert (found.width, found.height, found.mode) == (7, 6, "float32 of 5 channels")


def test_the_order_of_bytes_is_no_part_of_a_type(tmp_path: Path) -> None:
    values = np.arange(42, dtype=">i2").reshape(6, 7)
    np.save(tmp_path / "a.npy", values)
    np.save(tmp_path / "b.npy", values.astype("<i2"))
    source = places.at(str(tmp_path), "FOLDER")
    first, second = (look(tmp_path / name, source=source) for name in ("a.npy", "b.npy"))
    assert first.mode == second.mode == "int16 of 1 channel"
    assert first.content == second.content


def test_what_is_no_image_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(OSError, match="cannot identify"):
        look(tmp_path / "a.png")
