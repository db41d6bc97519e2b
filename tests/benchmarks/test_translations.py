"""Sheets show each image in its row, and none is picked."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks import translations


def test_images_are_evenly_spaced() -> None:
    assert translations.spaced(10, 5).tolist() == [1, 3, 5, 7, 9]
    assert translations.spaced(10_000, 4).tolist() == [1250, 3750, 6250, 8750]
    assert translations.spaced(3, 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("count", "shape"), [(12, (12, 3)), (14, (7, 6))])
def test_many_images_stand_two_to_a_row(count: int, shape: tuple[int, int]) -> None:
    column = torch.zeros(count, 3, 4, 4, dtype=torch.uint8)
    rows, across = shape
    assert translations.sheet([column] * 3).shape == (3, 2 + 6 * rows, 2 + 6 * across)


def test_a_row_has_a_source_its_translations_and_its_target(tmp_path: Path) -> None:
    def grey(*values: int) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 4, 6).contiguous()

    red = torch.zeros(2, 3, 4, 6, dtype=torch.uint8)
    red[1, 0] = 255
    translations.write([grey(10, 20), grey(30, 40), red], tmp_path / "new/sheet.png")
    with Image.open(tmp_path / "new/sheet.png") as opened:
        picture = opened.convert("RGB")
    assert picture.size == (3 * 8 + 2, 2 * 6 + 2)
    centres = [[picture.getpixel((5 + 8 * column, 4 + 6 * row)) for column in range(3)] for row in range(2)]
    assert centres == [
        [(10, 10, 10), (30, 30, 30), (0, 0, 0)],
        [(20, 20, 20), (40, 40, 40), (255, 0, 0)],
    ]
