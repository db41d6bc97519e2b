from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from gan_lab.metrics import dataset_classifier, inception, select_extractor
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.select_extractor import Choice, make_extractor
from gan_lab.metrics.stacked_digits import Stacked
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError


class Data:
    """A dataset of which only what it says of itself counts."""

    def __init__(self, name: str = "own", channels: int = 1, num_classes: int = 10, image_size: int = 28) -> None:
        self.name = name
        self.channels = channels
        self.num_classes = num_classes
        self.image_size = self.native_size = (image_size, image_size)
        self.splits: dict[str, LabelledImages] = {}

    def describe(self) -> dict[str, object]:
        return {"name": self.name}

    def setup(self, stage: str) -> None:
        raise AssertionError("not needed")


@pytest.mark.parametrize("size", [28, 32, 64])
def test_mnist_has_the_shipped_classifier_at_any_size(size: int, tmp_path: Path, extractor: DatasetClassifier) -> None:
    assert make_extractor("auto", RealImages(Data("MNIST", image_size=size), tmp_path)).identity == extractor.identity
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["auto", "classifier"])
def test_stacks_are_looked_at_digit_by_digit(name: Choice, tmp_path: Path) -> None:
    assert isinstance(make_extractor(name, RealImages(Data("stacked_mnist", 3, 1000), tmp_path)), Stacked)


def test_other_grey_labelled_images_get_a_classifier_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extractor: DatasetClassifier
) -> None:
    calls: list[tuple[str, object, Path]] = []
    monkeypatch.setattr(dataset_classifier, "for_dataset", lambda *given: calls.append(given) or extractor)
    real = RealImages(Data("FashionMNIST"), tmp_path)
    assert make_extractor("auto", real) is extractor
    assert calls == [("FashionMNIST", real, tmp_path / "extractors")]


@pytest.mark.parametrize("data", [Data(channels=3), Data(num_classes=1), Data(image_size=65)])
def test_what_no_classifier_suits_needs_inception(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UserError, match=r"inception extractor.*(pip install|Download)"):
        make_extractor("auto", RealImages(data, tmp_path))


def test_targets_in_colour_take_a_classifier_where_inception_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extractor: DatasetClassifier
) -> None:
    class Targets(RealImages):
        any_classifier = True

    calls: list[str] = []
    monkeypatch.setattr(dataset_classifier, "for_dataset", lambda name, *_: calls.append(name) or extractor)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert make_extractor("auto", Targets(Data(channels=3), tmp_path)) is extractor
    assert make_extractor("auto", Targets(Data("MNIST", channels=3), tmp_path)) is extractor
    assert calls == ["own", "MNIST"]
    for data in (Data(channels=3, num_classes=1), Data(channels=3, image_size=65)):
        with pytest.raises(UserError, match="inception extractor"):
            make_extractor("auto", Targets(data, tmp_path))
    there = Mock()
    monkeypatch.setattr(select_extractor, "Inception", there)
    assert make_extractor("auto", Targets(Data(channels=3), tmp_path)) is there.return_value
    assert make_extractor("auto", Targets(Data("MNIST", channels=3), tmp_path)) is extractor, "shipped"


def test_images_without_classes_have_no_classifier(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the classifier extractor needs a dataset with classes; choose inception"):
        make_extractor("classifier", RealImages(Data(num_classes=1), tmp_path))


def test_weights_are_for_inception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extractor: DatasetClassifier
) -> None:
    real = RealImages(Data("MNIST"), tmp_path)
    with pytest.raises(UserError, match=r"x\.pth: weights are for the inception extractor; classifier brings its own"):
        make_extractor("auto", real, "x.pth")
    taken: dict[str, Any] = {}
    monkeypatch.setattr(select_extractor, "Inception", lambda **options: taken.update(options) or extractor)
    assert make_extractor("inception", real, "x.pth") is extractor
    assert taken == {"weights": "x.pth", "antialias": False, "clean": False}
    assert make_extractor("inception-clean", real, "x.pth") is extractor
    assert taken["clean"]


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A note for each time that weights are fetched, which then are there."""
    notes: list[str] = []
    monkeypatch.setattr(inception, "fetch_weights", lambda: notes.append("fetched"))
    monkeypatch.setattr(select_extractor, "Inception", lambda **options: options)
    return notes


def test_weights_are_fetched_where_they_are_needed_and_that_is_allowed(tmp_path: Path, fetched: list[str]) -> None:
    colour, digits = (RealImages(data, tmp_path) for data in (Data(channels=3), Data("MNIST")))
    assert make_extractor("auto", colour) == {"weights": None, "antialias": False, "clean": False}
    make_extractor("inception", colour)
    make_extractor("inception", colour, "x.pth", download=True)
    make_extractor("auto", digits, download=True)
    assert fetched == []
    make_extractor("auto", colour, download=True)
    make_extractor("inception", digits, download=True)
    assert fetched == ["fetched"] * 2


def test_images_are_resized_as_papers_did_where_that_is_asked(tmp_path: Path, fetched: list[str]) -> None:
    class Targets(RealImages):
        any_classifier = True

    for choice, real in (
        ("auto", RealImages(Data(channels=3), tmp_path)),
        ("inception", RealImages(Data("MNIST"), tmp_path)),
        ("auto", Targets(Data(channels=3), tmp_path)),
    ):
        for resize, antialias in (("tensorflow1", False), (None, False), ("antialiased", True)):
            expected = {"weights": None, "antialias": antialias, "clean": False}
            assert make_extractor(choice, real, resize=resize) == expected  # type: ignore[arg-type]
    for choice in ("auto", "classifier"):
        with pytest.raises(UserError, match=r"^resize tensorflow1: is for the inception extractor; classifier has its"):
            make_extractor(choice, RealImages(Data("MNIST"), tmp_path), resize="tensorflow1")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="^resize tensorflow1: is for the inception extractor; inception-clean has"):
        make_extractor("inception-clean", RealImages(Data("MNIST"), tmp_path), resize="tensorflow1")


def test_vision_transformers_are_made_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Mock()
    monkeypatch.setattr(select_extractor.vit, "EXTRACTORS", {"dinov2": made, "clip": made})
    for name in ("dinov2", "clip"):
        assert make_extractor(name, RealImages(Data(channels=3), tmp_path), "w.safetensors") is made.return_value  # type: ignore[arg-type]
    assert made.call_args.kwargs == {"weights": "w.safetensors"}


def test_a_classifier_that_was_trained_before_is_taken_from_its_file(tmp_path: Path) -> None:
    file = str(dataset_classifier.SHIPPED["MNIST"])
    found = make_extractor("classifier", RealImages(Data(channels=3, num_classes=1), tmp_path), file)
    assert found.identity == dataset_classifier.shipped().identity


def test_targets_whose_weights_can_not_be_fetched_take_a_classifier_and_a_line_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    extractor: DatasetClassifier,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Targets(RealImages):
        any_classifier = True

    monkeypatch.setattr(inception, "find_spec", lambda _: object())
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(dataset_classifier, "for_dataset", lambda *_: extractor)
    assert make_extractor("auto", Targets(Data(channels=3), tmp_path), download=True) is extractor
    (line,) = caplog.messages
    assert "fetching them failed" in line
    assert line.endswith(". A classifier of the data takes its place")
