from pathlib import Path

import pytest
from PIL import Image

from gan_lab.evaluation.datasets import dataset_by_name, dataset_of_run, describe, refuse_other_data
from gan_lab.metrics.real_images import RealImages
from gan_lab.utils.errors import UserError
from tests.conftest import composed


def of(root: Path, *overrides: str) -> RealImages:
    return dataset_of_run(composed(*overrides, f"run_dir={root.parent}/run"), {}, str(root))


def test_the_cache_is_this_users_whatever_a_run_says(few_digits: Path) -> None:
    assert of(few_digits, "callbacks.scores.cache=/mine").cache_folder == Path("data/cache").absolute()
    assert of(few_digits, "callbacks.scores=null").cache_folder == Path("data/cache").absolute()
    assert dataset_by_name("mnist", str(few_digits)).cache_folder == few_digits / "cache"


def test_a_run_on_the_full_dataset_is_not_measured_against_the_substitute(few_digits: Path) -> None:
    real = of(few_digits)
    full = {"name": "MNIST", "source": "/home/data", "substitute": False}
    with pytest.raises(UserError, match=r"trained on MNIST from /home/data.*only a substitute.*--data-root"):
        refuse_other_data(real, full, "test")
    refuse_other_data(real, {"substitute": True}, "test")
    refuse_other_data(real, {}, "test")


def test_a_run_is_measured_by_its_own_classes(tmp_path: Path) -> None:
    for number in ("2", "10"):
        (tmp_path / number).mkdir()
        for index in range(10):
            Image.new("RGB", (8, 8), (int(number), 0, 0)).save(tmp_path / number / f"{index}.png")
    overrides = ("data=image_folder", f"data.root={tmp_path}", "data.num_classes=2", f"run_dir={tmp_path}/run")
    for classes, values in ((["2", "10"], [2, 10]), (["10", "2"], [10, 2])):
        described = {"name": "image_folder", "source": "there", "classes": classes}
        real = dataset_of_run(composed(*overrides), described, None)
        refuse_other_data(real, described, "test")
        images, labels = real.load("test")
        assert (images[:, 0, 0, 0].tolist(), labels.tolist()) == (values, [0, 1])
    described["classes"] = ["cats", "dogs"]
    real = dataset_of_run(composed(*overrides), described, None)
    with pytest.raises(
        UserError, match=r"trained on image_folder from there with classes=\['cats', 'dogs'\], and .*'10'\]"
    ):
        refuse_other_data(real, described, "test")


def test_two_domains_are_nothing_to_compare_with(few_digits: Path) -> None:
    with pytest.raises(UserError, match="MNISTColors holds images of two domains"):
        of(few_digits, "data=mnist_colors")


def test_the_root_of_what_has_none_cannot_be_replaced(tmp_path: Path) -> None:
    config = composed("data=unpaired_folders", "data.domain_a=x", "data.domain_b=y")
    with pytest.raises(UserError, match="--data-root .*: the run's dataset has no data"):
        dataset_of_run(config, {}, str(tmp_path))


def test_a_dataset_by_name(few_digits: Path) -> None:
    real = dataset_by_name("mnist", str(few_digits))
    assert describe(real, "test") == "500 of MNIST (test, NOT the full dataset)"
    assert real.load("train")[0].shape == (500, 1, 28, 28)
    with pytest.raises(UserError, match="lacks .* of KMNIST"):
        dataset_by_name("kmnist", str(few_digits))
