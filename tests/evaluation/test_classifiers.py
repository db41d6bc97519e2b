from pathlib import Path

import pytest
import torch

from gan_lab.evaluation.classifiers import gan_train_test
from gan_lab.evaluation.datasets import dataset_by_name
from gan_lab.metrics import classifier, dataset_classifier
from tests.conftest import all_digits


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_classifier, "epochs_for", lambda _: 6)
    monkeypatch.setattr(classifier, "BATCH_SIZE", 32)


def test_genuine_digits_teach_and_are_recognised(few_digits: Path) -> None:
    images, labels = (part[1::9] for part in all_digits("train"))
    real = dataset_by_name("mnist", str(few_digits))
    drawn = list(zip(torch.split(images, 300), torch.split(labels, 300), strict=True))
    found = gan_train_test(drawn, real, seed=0)
    assert found["gan_train"] > 0.6, "of 500 images"
    assert found["gan_test"] > 0.97


def test_lost_variety_and_wrong_classes_tell_them_apart(few_digits: Path) -> None:
    images, labels = (part[::9] for part in all_digits("train"))
    real = dataset_by_name("mnist", str(few_digits))
    ones = torch.stack([images[labels == label][0] for label in range(10)])
    same = gan_train_test([(ones.repeat(30, 1, 1, 1), torch.arange(10).repeat(30))], real, seed=0)
    assert same["gan_test"] == 1, "recognisable"
    assert same["gan_train"] < 0.7, "but one image of each class teaches little"
    wrong = gan_train_test([(images, (labels + 1) % 10)], real, seed=0)
    assert wrong["gan_test"] < 0.05
    assert wrong["gan_train"] < 0.3
