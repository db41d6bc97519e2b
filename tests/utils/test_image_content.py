import io

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from gan_lab.data import array_files
from gan_lab.utils import images
from gan_lab.utils.image_content import ending, of


def values(dtype: torch.dtype, channels: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    if dtype.is_floating_point:
        return torch.randn(channels, 5, 7, generator=generator)
    info = torch.iinfo(dtype)
    return torch.randint(info.min, info.max + 1, (channels, 5, 7), generator=generator).to(torch.int32).to(dtype)


@pytest.mark.parametrize(
    ("dtype", "channels", "form"),
    [
        (torch.uint8, 1, ".png"),
        (torch.uint8, 3, ".png"),
        (torch.uint8, 2, ".tif"),
        (torch.uint8, 4, ".tif"),
        (torch.uint16, 1, ".png"),
        (torch.uint16, 3, ".png"),
        (torch.uint16, 5, ".tif"),
        (torch.int16, 1, ".tif"),
        (torch.int16, 3, ".tif"),
        (torch.float32, 1, ".npy"),
        (torch.float32, 5, ".npy"),
    ],
)
def test_a_file_keeps_every_value(dtype: torch.dtype, channels: int, form: str) -> None:
    image = values(dtype, channels)
    assert ending(dtype, channels) == form
    file = io.BytesIO(of(image, form))
    array = array_files.read(file, f"a{form}")
    if array is None:
        with Image.open(file) as opened:
            array = np.atleast_3d(np.asarray(opened))
    assert np.array_equal(array, image.permute(1, 2, 0).numpy())
    assert array.dtype == images.pixels(image).dtype


def test_alpha_is_no_channel_of_its_own() -> None:
    assert ending(torch.uint8, 2, has_alpha=True) == ending(torch.uint8, 4, has_alpha=True) == ".png"
    assert ending(torch.uint8, 3, has_alpha=True) == ".tif"


def test_other_programs_read_a_png_of_16_bits() -> None:
    image = values(torch.uint16, 3)
    with Image.open(io.BytesIO(of(image, ".png"))) as opened:
        assert (opened.mode, opened.size) == ("RGB", (7, 5))
        assert np.array_equal(np.asarray(opened), image.permute(1, 2, 0).numpy() >> 8)


def test_the_same_image_is_the_same_file() -> None:
    image = values(torch.uint16, 5)
    assert of(image, ".tif") == of(image, ".tif")
    assert tifffile.imread(io.BytesIO(of(image, ".tif"))).shape == (5, 7, 5)
