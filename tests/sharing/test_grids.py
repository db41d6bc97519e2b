from pathlib import Path

import pytest
from PIL import Image

from gan_lab.runs.run import Run
from gan_lab.sharing import grids
from gan_lab.utils.errors import UserError


def test_the_latest_grid_is_of_the_weights_that_are_meant(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.samples.mkdir(parents=True)
    assert grids.latest(run, ema=True) is None
    assert grids.latest(run, ema=False) is None
    for seen in (0, 640):
        (run.samples / f"{seen:09d}.png").touch()
    assert grids.latest(run, ema=False) == run.samples / "000000640.png", "a run that draws one kind"
    (run.samples / "000000640_raw.png").touch()
    assert grids.latest(run, ema=True) == run.samples / "000000640.png"
    assert grids.latest(run, ema=False) == run.samples / "000000640_raw.png"


def test_a_grid_is_its_pixels(tmp_path: Path) -> None:
    Image.new("L", (4, 3), 9).save(tmp_path / "a.png")
    read = grids.read(tmp_path / "a.png")
    assert (read.mode, read.size, read.getpixel((0, 0))) == ("RGB", (4, 3), (9, 9, 9))
    Image.new("L", (4, 3)).save(tmp_path / "b.png", format="BMP")
    for name in ("b.png", "nowhere.png"):
        with pytest.raises(UserError, match=rf"{name} can't be read"):
            grids.read(tmp_path / name)
