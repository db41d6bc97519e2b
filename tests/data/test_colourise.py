from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.config.schema import build, check
from gan_lab.data import lab
from gan_lab.data.colourise import Colourise
from gan_lab.utils.batches import Pairs
from gan_lab.utils.errors import UserError
from gan_lab.utils.images import to_float
from tests.conftest import composed, fit, tiny_gan

RANDOM = np.random.default_rng(0)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for index in range(20):
        Image.fromarray(RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / f"photos/{index:02}.png")
    return tmp_path / "photos"


def make(root: Path, **options: Any) -> Colourise:
    defaults: dict[str, Any] = {
        "test_fraction": None,
        "cache": "cache",
        "image_size": 8,
        "channels": 2,
        "batch_size": 4,
        "seed": 0,
    }
    return Colourise(root=str(root), **defaults | options)


def test_the_lightness_of_a_photo_is_paired_with_its_colours(photos: Path) -> None:
    seen: list[Pairs] = []
    model = tiny_gan()
    model.unpack_batch = lambda batch: seen.append(batch) or (batch.source, ())
    data = make(photos)
    fit(model, data, max_steps=3)
    for step, (source, target) in enumerate(seen):
        pixels = data.train_dataloader().batch(step).target
        assert (source.shape, target.shape) == ((4, 1, 8, 8), (4, 2, 8, 8))
        assert torch.equal(torch.cat((source, target), 1), lab.from_rgb(pixels))
        torch.testing.assert_close(data.render(source, target), to_float(pixels), atol=1e-3, rtol=0)
        assert torch.equal(data.to_source(pixels), source)
    assert [part.shape[1] for part in data.example()] == [data.source_channels, data.channels] == [1, 2]


def test_photos_are_held_once_in_colour_and_every_tenth_is_for_testing(photos: Path) -> None:
    data = make(photos)
    data.setup("fit")
    data.setup("test")
    expected = [np.asarray(Image.open(path)).transpose(2, 0, 1) for path in sorted(photos.glob("*.png"))[9::10]]
    source, target = data.splits["test"]
    assert np.array_equal(target.images.numpy(), np.stack(expected))
    assert source is target
    assert data.describe() == {
        "name": "colourise",
        "source": str(photos),
        "substitute": False,
        "train_images": 18,
        "test_images": 2,
        "train_damaged": 0,
        "test_damaged": 0,
    }


def test_crops_are_of_the_photo_before_it_is_converted(photos: Path) -> None:
    data = make(photos, image_size=5, load_size=8, mirror=True, jitter=(0.1, 0.1, 0.1))
    data.setup("fit")
    source, target = data.train_dataloader().batch(0)
    assert target.shape == (4, 3, 5, 5)
    assert target.dtype == torch.uint8
    assert torch.equal(source, target)
    assert data.preview(2).target.shape == (2, 3, 5, 5)


def test_a_grey_picture_is_a_source_before_anything_is_loaded(photos: Path) -> None:
    data = make(photos)
    assert data.to_source(torch.full((1, 1, 3, 5), 255, dtype=torch.uint8)).shape == (1, 1, 3, 5)
    grey = data.render(torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2, 2))
    torch.testing.assert_close(grey, torch.full((1, 3, 2, 2), 2 * 118.9 / 255 - 1), atol=1e-3, rtol=0)  # L = 50


def test_a_batch_larger_than_the_photos_is_refused(photos: Path) -> None:
    with pytest.raises(UserError, match=r"data\.batch_size=19 .* more than the 18 training images of the photos"):
        make(photos, batch_size=19).setup("fit")


def test_the_command_line_names_the_folder(photos: Path) -> None:
    config = composed("data=colourise", f"data.root={photos}")
    check(config)
    assert isinstance(build(config.data), Colourise)
    with pytest.raises(UserError, match=r"data: data\.channels is the number of colours in Lab, 2, not 3"):
        build(composed("data=colourise", f"data.root={photos}", "data.channels=3").data)
    with pytest.raises(UserError, match=r"^data\.root: this value is missing"):
        check(composed("data=colourise"))
