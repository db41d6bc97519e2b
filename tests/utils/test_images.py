from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.utils import images
from tests.conftest import alike, read_image

EVERY_BYTE = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)


def test_the_centre_is_in_the_middle() -> None:
    pixels = torch.arange(2 * 6 * 5).reshape(2, 1, 6, 5)
    assert torch.equal(images.centre(pixels, 3), pixels[:, :, 1:4, 1:4])
    assert torch.equal(images.centre(pixels, 5), pixels[:, :, :5])


def test_a_centre_may_be_oblong() -> None:
    pixels = torch.arange(2 * 6 * 5).reshape(2, 1, 6, 5)
    assert torch.equal(images.centre(pixels, (2, 3)), pixels[:, :, 2:4, 1:4])
    assert torch.equal(images.centre(pixels, (6, 1)), pixels[:, :, :, 2:3])


def test_every_byte_survives_the_way_to_a_network_and_back() -> None:
    assert torch.equal(images.to_uint8(images.to_float(EVERY_BYTE)), EVERY_BYTE)


def test_black_is_minus_one_and_white_is_one() -> None:
    ends = images.to_float(torch.tensor([0, 255], dtype=torch.uint8))
    assert ends.tolist() == [-1.0, 1.0]
    assert ends.dtype == torch.float32


def test_to_uint8_rounds_to_the_nearest_and_clamps() -> None:
    levels = torch.tensor([-2.0, -1.0, 0.49 * 2 / 255 - 1, 0.51 * 2 / 255 - 1, 1.0, 2.0])
    assert images.to_uint8(levels).tolist() == [0, 0, 0, 1, 255, 255]


def test_conversions_leave_their_input_alone() -> None:
    original = torch.full((1, 1, 2, 2), 0.5)
    images.to_uint8(original)
    assert original.unique().item() == 0.5


def test_fit_pads_with_black_and_keeps_the_pixels() -> None:
    digits = torch.randint(1, 256, (3, 1, 28, 28), dtype=torch.uint8)
    padded = images.fit(digits, 32)
    assert padded.shape == (3, 1, 32, 32)
    assert torch.equal(padded[..., 2:30, 2:30], digits)
    assert padded.sum(dtype=torch.int64) == digits.sum(dtype=torch.int64)
    assert images.fit(digits, 28) is digits


def test_fit_pads_and_resizes_to_oblong_sizes() -> None:
    digits = torch.randint(1, 256, (3, 1, 28, 20), dtype=torch.uint8)
    padded = images.fit(digits, (30, 28))
    assert padded.shape == (3, 1, 30, 28)
    assert torch.equal(padded[..., 1:29, 4:24], digits)
    assert padded.sum(dtype=torch.int64) == digits.sum(dtype=torch.int64)
    assert images.fit(digits, (28, 20)) is digits
    halved = images.fit(torch.full((1, 1, 28, 20), 7, dtype=torch.uint8), (14, 40))
    assert torch.equal(halved, torch.full((1, 1, 14, 40), 7, dtype=torch.uint8))


@pytest.mark.parametrize("size", [14, 64])
def test_fit_resizes_to_other_sizes(size: int) -> None:
    white = torch.full((2, 1, 28, 28), 255, dtype=torch.uint8)
    assert torch.equal(images.fit(white, size), torch.full((2, 1, size, size), 255, dtype=torch.uint8))


def test_grid_places_images_row_by_row() -> None:
    tiles = torch.stack([torch.full((1, 4, 4), value) for value in (-1.0, 1.0, 1.0, -1.0)])
    grid = images.grid(tiles, columns=2)
    assert grid.shape == (3, 14, 14)
    assert [grid[0, y, x].item() for y, x in ((3, 3), (3, 9), (9, 3), (9, 9))] == [0, 255, 255, 0]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_keeps_every_byte(channels: int, tmp_path: Path) -> None:
    image = torch.randint(0, 256, (channels, 5, 7), dtype=torch.uint8)
    images.save_png(image, tmp_path / "image.png")
    assert torch.equal(read_image(tmp_path / "image.png"), image)


def test_a_png_may_have_alpha_or_wide_grey_pixels(tmp_path: Path) -> None:
    for channels, mode in ((2, "LA"), (4, "RGBA")):
        pixels = torch.randint(0, 256, (channels, 5, 7), dtype=torch.uint8)
        images.save_png(pixels, tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as image:
            assert image.mode == mode
            assert torch.equal(torch.tensor(np.array(image)).permute(2, 0, 1), pixels)
    wide = torch.tensor([[[0, 300, 65535]]], dtype=torch.int32)
    images.save_png(wide.to(torch.uint16), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert np.array(image).tolist() == wide[0].tolist()


def test_many_images_are_resized_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = torch.randint(0, 256, (5, 3, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    whole = images.fit(pixels, (8, 12))
    monkeypatch.setattr(images, "AT_ONCE", 2)
    parts = images.fit(pixels, (8, 12))
    assert alike(parts, whole)
    assert not alike(parts[:1], parts[1:2]), "the images differ"
    assert images.fit(pixels[:0], 8).shape == (0, 3, 8, 8)
