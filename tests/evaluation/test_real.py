from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.data import mnist
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.mnist import MNIST
from gan_lab.errors import UserError
from gan_lab.evaluation.real import RealImages, named, of_run
from gan_lab.metrics.classifier import Classifier
from gan_lab.metrics.digits import Digits
from gan_lab.metrics.inception import Inception
from gan_lab.metrics.stacked import Stacked
from tests.conftest import TinyImages, all_digits, composed

CPU = torch.device("cpu")


def of(root: Path, *overrides: str) -> RealImages:
    return of_run(composed(*overrides), str(root), CPU)


def tiny(cache_folder: Path, **options: Any) -> RealImages:
    data = TinyImages(**options)
    return RealImages(data, cache_folder, CPU)


@pytest.mark.parametrize("size", [28, 32, 36])
def test_the_border_is_taken_off_so_that_runs_of_all_sizes_meet_the_same_images(size: int, few_digits: Path) -> None:
    real = of(few_digits, f"data.image_size={size}")
    images, labels = real.split("test")
    assert torch.equal(images, all_digits("test")[0])
    assert torch.equal(labels, all_digits("test")[1])
    assert real.without_border(torch.zeros(2, 1, size, size)).shape == (2, 1, 28, 28)


def test_resized_images_stay_as_they_are(few_digits: Path) -> None:
    real = of(few_digits, "data.image_size=64")
    assert real.split("test")[0].shape[-1] == 64
    assert real.without_border(torch.zeros(2, 1, 64, 64)).shape[-1] == 64


def test_the_splits_are_the_datasets(few_digits: Path) -> None:
    real = of(few_digits)
    assert not torch.equal(real.split("train")[0], real.split("test")[0])
    assert real.describe("test") == "500 of MNIST (test, NOT the full dataset)"


def test_statistics_are_kept_below_the_dataset(few_digits: Path) -> None:
    real = of(few_digits)
    extractor = real.extractor("auto")
    assert isinstance(extractor, Digits)
    statistics = real.statistics(extractor, "test")
    assert statistics.moments.count == 500
    assert len(list((few_digits / "scores").glob("*-test-500.safetensors"))) == 1


def test_stacks_are_looked_at_digit_by_digit(few_digits: Path) -> None:
    real = of(few_digits, "data=stacked_mnist", "data.count=10", "data.test_count=10")
    assert isinstance(real.extractor("auto"), Stacked)
    assert isinstance(real.extractor("digits"), Stacked)


def test_other_datasets_get_a_classifier_of_their_own(
    few_digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MNIST, "prepare_data", lambda _: None)
    monkeypatch.setattr(MNIST, "load", lambda _, split: mnist.substitute(split))
    monkeypatch.setattr("gan_lab.metrics.digits.FEWEST_BATCHES", 1)
    monkeypatch.setattr("gan_lab.metrics.digits.EPOCHS", 1)
    extractor = named("kmnist", str(few_digits), CPU).extractor("auto")
    assert extractor.identity["name"] == "digits KMNIST"
    assert len(list((few_digits / "scores").glob("KMNIST-*.safetensors"))) == 1


def test_own_images_look_through_inception(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="torch-fidelity|weights are missing"):
        tiny(tmp_path).extractor("auto")


def test_images_without_classes_have_no_classifier(tmp_path: Path) -> None:
    real = tiny(tmp_path)
    real.data.classes = 1
    with pytest.raises(UserError, match="--extractor digits: needs a dataset with classes"):
        real.extractor("digits")


def test_weights_are_for_inception(few_digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--weights-file x.pth: is for --extractor inception"):
        of(few_digits).extractor("auto", "x.pth")
    taken: dict[str, Any] = {}

    class Fake(Classifier):
        def __init__(self, **options: Any) -> None:
            super().__init__(channels=3, classes=2)
            taken.update(options)

    monkeypatch.setattr("gan_lab.evaluation.real.Inception", Fake)
    of(few_digits).extractor("inception", "x.pth")
    assert taken == {"weights": "x.pth", "antialias": True}
    assert Inception is not Fake


def test_a_run_on_the_full_dataset_is_not_measured_against_the_substitute(few_digits: Path) -> None:
    real = of(few_digits)
    full: dict[str, Any] = {"data": {"name": "MNIST", "source": "/home/data", "substitute": False}}
    with pytest.raises(UserError, match=r"trained on MNIST from /home/data.*only a substitute.*--data-root"):
        real.refuse_substitute(full, "test")
    real.refuse_substitute({"data": {"substitute": True}}, "test")
    real.refuse_substitute({}, "test")


def test_two_domains_are_nothing_to_compare_with(few_digits: Path) -> None:
    with pytest.raises(UserError, match="MNISTColors holds images of two domains"):
        of(few_digits, "data=mnist_colors")


def test_the_root_of_what_has_none_cannot_be_replaced(tmp_path: Path) -> None:
    config = composed("data=unpaired_folders", "data.domain_a=x", "data.domain_b=y")
    with pytest.raises(UserError, match="--data-root .*: the run's data have no such folder"):
        of_run(config, str(tmp_path), CPU)


def test_a_dataset_by_name(few_digits: Path) -> None:
    real = named("mnist", str(few_digits), CPU)
    assert isinstance(real.data, InMemoryDataModule)
    assert real.split("train")[0].shape == (500, 1, 28, 28)
    with pytest.raises(UserError, match="lacks .* of KMNIST"):
        named("kmnist", str(few_digits), CPU)
