from pathlib import Path

import pytest
import torch

from gan_lab.evaluation.image_sets import FixedStatistics, ImageSet, Shown, describe
from gan_lab.metrics.dataset_classifier import DatasetClassifier, shipped
from gan_lab.metrics.moment_files import Gaussian
from gan_lab.metrics.scores import Moments
from tests.conftest import all_digits


@pytest.fixture(scope="module")
def extractor() -> DatasetClassifier:
    return shipped()


def test_a_set_is_its_only_split_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extractor: DatasetClassifier
) -> None:
    monkeypatch.chdir(tmp_path)
    images, labels = (part[:40] for part in all_digits("train"))
    known = ImageSet(images, labels, "digits.npz")
    assert (known.num_classes, known.channels, known.has_training) == (int(labels.max()) + 1, 1, False)
    for split in ("given", "train", "test"):
        assert torch.equal(known.load(split).images, images)
    statistics = known.statistics(extractor, "given")
    assert torch.equal(statistics.labels, labels)
    assert torch.equal(statistics.features, extractor(images))
    assert list(tmp_path.iterdir()) == []
    assert statistics.data == ImageSet(images, None, "a").statistics(extractor, "given").data, "whatever is known"
    unknown = ImageSet(images, None, "digits.npz")
    assert unknown.num_classes == 0
    assert (unknown.statistics(extractor, "given").labels == -1).all()
    assert describe(unknown).startswith("40 of digits.npz, sha256 ")


def test_a_border_is_left_out_of_images_that_have_one() -> None:
    larger = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    for size, cropped in (((28, 28), (28, 28)), ((28, 24), (28, 24)), ((20, 28), (32, 32))):
        known = ImageSet(torch.zeros(2, 1, *size, dtype=torch.uint8), None, "a")
        assert known.without_border(larger).shape[-2:] == cropped


def test_statistics_stand_for_images(extractor: DatasetClassifier) -> None:
    moments = Moments.of(extractor(all_digits("train")[0][:300]))
    gaussian = Gaussian(mean=moments.mean, covariance=moments.covariance, count=300)
    fixed = FixedStatistics(gaussian, Path("s.npz"), channels=1, size=(28, 28))
    assert fixed.statistics(extractor, "any").count == 300
    assert describe(fixed) == "statistics of 300 images in s.npz"
    unknown = Gaussian(mean=moments.mean, covariance=moments.covariance)
    fixed = FixedStatistics(unknown, Path("s.npz"), channels=1, size=(28, 28))
    assert describe(fixed) == "statistics of an unknown number of images in s.npz"


def test_what_is_shown_needs_no_setup() -> None:
    shown = Shown(name="a", image_size=(8, 8), native_size=(8, 8), channels=1, num_classes=0)
    shown.setup("fit")
    pixels = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    assert shown.pictures(pixels) is pixels
    assert shown.describe() == {"name": "a", "classes": None, "substitute": False}
