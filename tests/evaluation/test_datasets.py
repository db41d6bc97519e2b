from pathlib import Path
from typing import Any

import pytest

from gan_lab.evaluation.datasets import dataset_by_name, dataset_of_run, describe, refuse_substitute
from gan_lab.metrics.real_images import RealImages
from gan_lab.utils.errors import UserError
from tests.conftest import composed


def of(root: Path, *overrides: str) -> RealImages:
    return dataset_of_run(composed(*overrides, f"run_dir={root.parent}/run"), str(root))


def test_the_cache_is_this_users_whatever_a_run_says(few_digits: Path) -> None:
    assert of(few_digits, "callbacks.scores.cache=/mine").cache_folder == Path("data/cache").absolute()
    assert of(few_digits, "callbacks.scores=null").cache_folder == Path("data/cache").absolute()
    assert dataset_by_name("mnist", str(few_digits)).cache_folder == few_digits / "cache"


def test_a_run_on_the_full_dataset_is_not_measured_against_the_substitute(few_digits: Path) -> None:
    real = of(few_digits)
    full: dict[str, Any] = {"data": {"name": "MNIST", "source": "/home/data", "substitute": False}}
    with pytest.raises(UserError, match=r"trained on MNIST from /home/data.*only a substitute.*--data-root"):
        refuse_substitute(real, full, "test")
    refuse_substitute(real, {"data": {"substitute": True}}, "test")
    refuse_substitute(real, {}, "test")


def test_two_domains_are_nothing_to_compare_with(few_digits: Path) -> None:
    with pytest.raises(UserError, match="MNISTColors holds images of two domains"):
        of(few_digits, "data=mnist_colors")


def test_the_root_of_what_has_none_cannot_be_replaced(tmp_path: Path) -> None:
    config = composed("data=unpaired_folders", "data.domain_a=x", "data.domain_b=y")
    with pytest.raises(UserError, match="--data-root .*: the run's dataset has no option data"):
        dataset_of_run(config, str(tmp_path))


def test_a_dataset_by_name(few_digits: Path) -> None:
    real = dataset_by_name("mnist", str(few_digits))
    assert describe(real, "test") == "500 of MNIST (test, NOT the full dataset)"
    assert real.load("train")[0].shape == (500, 1, 28, 28)
    with pytest.raises(UserError, match="lacks .* of KMNIST"):
        dataset_by_name("kmnist", str(few_digits))
