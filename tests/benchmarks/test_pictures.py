from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.pictures import CHANGES, GREYS, last_grids
from gan_lab.utils import images

LABELS = torch.arange(40) % 10
DIGITS = torch.arange(40, dtype=torch.uint8)[:, None, None, None].expand(40, 1, 28, 28).contiguous()


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_number_and_form(name: str) -> None:
    changed = CHANGES[name](DIGITS, LABELS)
    assert changed.shape == DIGITS.shape
    assert changed.dtype == torch.uint8


def test_what_a_change_takes_away() -> None:
    def kept(name: str) -> set[int]:
        return set(CHANGES[name](DIGITS, LABELS)[:, 0, 0, 0].tolist())

    assert kept("real") == set(range(40))
    assert kept("few_classes") == {number for number in range(40) if number % 10 < 5}
    assert kept("one_of_each") == set(range(10))
    assert kept("one") == {0}


def test_the_last_grid_of_each_run_becomes_a_picture(tmp_path: Path) -> None:
    for name, pixel in (("000000000", 0), ("000000640", 255), ("000000640_raw", 128)):
        (tmp_path / "runs/a/samples").mkdir(parents=True, exist_ok=True)
        grid = torch.full((3, 8, 8), pixel, dtype=torch.uint8)
        images.save_png(grid, tmp_path / f"runs/a/samples/{name}.png")
    last_grids(tmp_path / "runs", tmp_path / "out")
    pixels = {}
    for path in (tmp_path / "out").iterdir():
        with Image.open(path) as picture:
            assert len(picture.getcolors() or []) <= GREYS
            pixels[path.name] = picture.convert("L").getpixel((3, 3))
    assert pixels == {"a.png": 255, "a_raw.png": 128}


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no runs"):
        last_grids(tmp_path, tmp_path / "out")
