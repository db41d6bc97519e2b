from pathlib import Path

import pytest
import torch

from gan_lab.data.base import Batch
from gan_lab.errors import UserError
from gan_lab.metrics import digits
from gan_lab.metrics.choice import suited
from gan_lab.metrics.digits import Digits


class Told:
    """A dataset of which only what it says of itself counts."""

    def __init__(self, name: str = "own", channels: int = 1, classes: int = 10, image_size: int = 28) -> None:
        self.name = name
        self.channels = channels
        self.classes = classes
        self.image_size = image_size

    def describe(self) -> dict[str, object]:
        return {"name": self.name}

    def load(self, split: str) -> Batch:
        raise AssertionError("not needed")


@pytest.mark.parametrize("size", [28, 32, 64])
def test_mnist_has_the_shipped_classifier_at_any_size(size: int, tmp_path: Path, extractor: Digits) -> None:
    assert suited(Told("MNIST", image_size=size), tmp_path).identity == extractor.identity
    assert list(tmp_path.iterdir()) == []


def test_other_grey_labelled_images_get_a_classifier_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extractor: Digits
) -> None:
    asked: list[tuple[str, object, Path]] = []
    monkeypatch.setattr(digits, "for_dataset", lambda *given: asked.append(given) or extractor)
    data = Told("FashionMNIST")
    assert suited(data, tmp_path) is extractor
    assert asked == [("FashionMNIST", data, tmp_path)]


@pytest.mark.parametrize("data", [Told(channels=3), Told(classes=1), Told(image_size=65)])
def test_what_no_classifier_suits_needs_inception(data: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UserError, match=r"inception extractor.*(pip install|Download)"):
        suited(data, tmp_path)
