"""The pictures of what a training would see."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_lab.config.schema import build
from gan_lab.data.base import ImageDataModule
from gan_lab.data.preview import preview
from tests.conftest import SIZE, TinyImages, composed
from tests.data.archives import noise
from tests.data.test_survey import save


def made(*overrides: str) -> ImageDataModule:
    data: ImageDataModule = build(composed(*overrides).data)
    data.prepare_data()
    return data


def tile(sheet: torch.Tensor, row: int, column: int, side: int) -> torch.Tensor:
    top, left = 2 + row * (side + 2), 2 + column * (side + 2)
    return sheet[:, top : top + side, left : left + side]


def test_the_images_are_the_first_of_an_epoch() -> None:
    data = TinyImages(batch_size=8)
    shown = preview(data, 12, columns=4)
    expected = torch.cat([data.train_dataloader().batch(step).images for step in range(2)])
    for place in range(12):
        assert torch.equal(tile(shown.sheet, *divmod(place, 4), SIZE), expected[place].expand(3, -1, -1))
    assert shown.sheet.shape == (3, 3 * (SIZE + 2) + 2, 4 * (SIZE + 2) + 2)
    assert shown.line == "12 training images of tiny, 8x8 pixels, 1 channel"


def test_there_are_no_more_than_an_epoch_has() -> None:
    assert preview(TinyImages(count=16), 100, columns=8).line.startswith("16 training images")


def test_classes_are_named(tmp_path: Path) -> None:
    for name, count in (("cat", 11), ("dog", 21)):
        for number in range(count):
            save(tmp_path / f"{name}/{number}.png", noise(number, 16, 16, 3))
    options = ("data=image_folder", f"data.root={tmp_path}", "data.num_classes=2", "data.batch_size=4")
    line = preview(made(*options, "data.image_size=[8,16]"), 4, columns=4).line
    assert line == "4 of 29 training images of image_folder, 8x16 pixels, 3 channels, in 2 classes: cat (10), dog (19)"


@pytest.mark.parametrize("colourise", [False, True])
def test_a_source_has_its_target_to_the_right(colourise: bool, tmp_path: Path) -> None:
    for number in range(20):
        flat = np.zeros((16, 16, 3), np.uint8)
        flat[:] = (12 * number, 40, 200)
        save(tmp_path / f"source/{number}.png", flat)
        save(tmp_path / f"target/{number}.png", flat + 15)
    if colourise:
        options = ("model=pix2pix", "data=colourise", f"data.root={tmp_path}/source")
    else:
        options = (
            "model=pix2pix",
            "data=paired_folders",
            f"data.source={tmp_path}/source",
            f"data.target={tmp_path}/target",
        )
    shown = preview(made(*options, "data.image_size=16"), 3, columns=2)
    assert " pairs of " in shown.line
    for row in range(3):
        left, right = (tile(shown.sheet, row, column, 16).int() for column in (0, 1))
        if colourise:
            assert torch.equal(left[0], left[1])
            assert (right[0] - right[2]).abs().max() > 10, "colours"
        else:
            assert torch.equal(right - left, torch.full_like(left, 15))


def test_domains_take_turns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    for name, value in (("a", 10), ("b", 200)):
        for number in range(20):
            save(tmp_path / f"{name}/{number}.png", np.full((16, 16, 3), value, np.uint8))
    options = ("model=cyclegan", "data=unpaired_folders", f"data.domain_a={tmp_path}/a", f"data.domain_b={tmp_path}/b")
    shown = preview(made(*options, "data.image_size=16"), 4, columns=4)
    assert "images of each domain of unpaired_folders" in shown.line
    values = [int(tile(shown.sheet, *divmod(place, 4), 16)[0, 0, 0]) for place in range(8)]
    assert values == [10, 200] * 4
