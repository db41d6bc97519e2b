from pathlib import Path

import pytest
import torch

from gan_lab.config.schema import build
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.statistics import real_statistics
from gan_lab.utils import seeding
from tests.conftest import all_digits, composed


def digits_of(root: Path, size: int, cache_folder: Path) -> RealImages:
    data = build(composed(f"data.root={root}", f"data.image_size={size}", "data.download=false").data)
    return RealImages(data, cache_folder)


@pytest.mark.parametrize("size", [28, 32, 36])
def test_the_border_is_taken_off_so_that_runs_of_all_sizes_meet_the_same_images(
    size: int, few_digits: Path, tmp_path: Path
) -> None:
    real = digits_of(few_digits, size, tmp_path)
    images, labels = real.load("test")
    assert torch.equal(images, all_digits("test")[0])
    assert torch.equal(labels, all_digits("test")[1])
    assert real.without_border(torch.zeros(2, 1, size, size)).shape == (2, 1, 28, 28)


def test_resized_images_stay_as_they_are(few_digits: Path, tmp_path: Path) -> None:
    real = digits_of(few_digits, 64, tmp_path)
    assert real.load("test")[0].shape[-1] == 64
    assert real.without_border(torch.zeros(2, 1, 64, 64)).shape[-1] == 64


def test_statistics_are_of_the_split_or_of_a_fixed_part_of_it(
    few_digits: Path, tmp_path: Path, extractor: DatasetClassifier
) -> None:
    real = digits_of(few_digits, 28, tmp_path)
    chosen = seeding.permutation(500, seeding.derive(0, "quality"))[:40].sort().values
    images, labels = real.load("train")
    part = real.statistics(extractor, "train", at_most=40)
    expected = real_statistics(images[chosen], labels[chosen], extractor, split="train", cache_folder=None)
    assert (part.data, part.moments.count) == (expected.data, 40)
    assert real.statistics(extractor, "test", at_most=1000).moments.count == 500
    assert len(list((tmp_path / "statistics").glob("*-test-500*.safetensors"))) == 1
