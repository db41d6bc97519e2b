from hashlib import sha256
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from gan_lab.metrics import dataset_classifier, tensor_files
from gan_lab.metrics.classifier import Classifier
from gan_lab.metrics.dataset_classifier import SHIPPED, DatasetClassifier, for_dataset
from gan_lab.utils import images
from gan_lab.utils.errors import UserError
from tests.conftest import same, weights
from tests.metrics.conftest import Labelled


class Few:
    """A small labelled dataset that notes which splits are loaded."""

    def __init__(self, seed: int = 0, size: int = 12, width: int = 12) -> None:
        self.seed = seed
        self.size = size, width
        self.loaded: list[str] = []

    def load(self, split: str) -> Labelled:
        self.loaded.append(split)
        generator = torch.Generator().manual_seed(self.seed)
        pixels = torch.randint(0, 256, (40, 3, *self.size), dtype=torch.uint8, generator=generator)
        return pixels, torch.arange(40) % 4


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_classifier, "FEWEST_BATCHES", 1)


def test_the_shipped_classifier_reads_digits(extractor: DatasetClassifier, numerals: Labelled) -> None:
    pixels, labels = numerals
    assert extractor.classify(pixels[:1000]).argmax(1).eq(labels[:1000]).double().mean() > 0.99
    assert extractor.identity["accuracy"] >= 0.994  # of the 10,000 test digits
    assert extractor.num_classes == 10
    assert extractor(pixels[:3]).shape == (3, extractor.num_features) == (3, 256)


def test_the_card_tells_what_is_shipped(extractor: DatasetClassifier) -> None:
    path = SHIPPED["MNIST"]
    assert path.stat().st_size < 2_000_000
    assert extractor.identity["sha256"] == sha256(path.read_bytes()).hexdigest()
    card = path.with_suffix(".md").read_text()
    for fact in (str(extractor.identity["sha256"]), f"{extractor.identity['accuracy']:.2%}", "gan-lab train-features"):
        assert fact in card


def test_a_border_and_repeated_channels_change_nothing(extractor: DatasetClassifier, numerals: Labelled) -> None:
    pixels = numerals[0][:20]
    features = extractor(pixels)
    assert torch.equal(extractor(images.fit(pixels, 32)), features)
    assert torch.equal(extractor(pixels.expand(-1, 3, -1, -1)), features)
    assert extractor(images.fit(pixels, 64)).shape == features.shape


@pytest.mark.bits
def test_features_and_logits_do_not_depend_on_the_batch(extractor: DatasetClassifier, numerals: Labelled) -> None:
    pixels = numerals[0][:50]
    features, logits = extractor.features_and_logits(pixels)
    alone = [
        torch.cat(parts)
        for parts in zip(*(extractor.features_and_logits(image[None]) for image in pixels), strict=True)
    ]
    torch.testing.assert_close(alone[0], features, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(alone[1], logits, rtol=1e-5, atol=1e-4)
    assert torch.equal(extractor(pixels), features)
    assert torch.equal(extractor.classify(pixels), logits)


def test_a_file_that_is_missing_damaged_or_another_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere.safetensors: can't be read: No such file"):
        DatasetClassifier(file=str(tmp_path / "nowhere.safetensors"))
    (tmp_path / "half.safetensors").write_bytes(SHIPPED["MNIST"].read_bytes()[:1000])
    with pytest.raises(UserError, match="half.safetensors is damaged"):
        DatasetClassifier(file=str(tmp_path / "half.safetensors"))
    tensor_files.write(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {"channels": 1, "classes": 10})
    with pytest.raises(UserError, match="other.safetensors holds no weights of this classifier"):
        DatasetClassifier(file=str(tmp_path / "other.safetensors"))


def test_mnist_needs_neither_data_nor_cache(tmp_path: Path, extractor: DatasetClassifier) -> None:
    data = Few()
    assert for_dataset("MNIST", data, tmp_path).identity == extractor.identity
    assert data.loaded == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.bits
@pytest.mark.usefixtures("short_training")
def test_another_dataset_is_trained_on_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trained = for_dataset("Few", Few(), tmp_path / "cache")
    assert "Training a classifier of Few" in caplog.text
    (file,) = (tmp_path / "cache").iterdir()
    caplog.clear()
    cached = for_dataset("Few", Few(), tmp_path / "cache")
    assert caplog.text == ""
    assert cached.identity == trained.identity
    assert same(weights(cached), weights(trained))
    assert (cached.num_classes, cached.channels, cached.size) == (4, 3, (12, 12))
    assert cached.identity["sha256"] == sha256(file.read_bytes()).hexdigest()


@pytest.mark.bits
@pytest.mark.usefixtures("short_training")
def test_other_images_or_a_damaged_cache_mean_training_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = for_dataset("Few", Few(), tmp_path)
    (file,) = tmp_path.iterdir()
    assert for_dataset("Few", Few(seed=1), tmp_path).identity != first.identity
    assert len(list(tmp_path.iterdir())) == 2
    file.write_bytes(file.read_bytes()[:-5])
    assert for_dataset("Few", Few(), tmp_path).identity == first.identity
    assert f"{file} is damaged" in caplog.text
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("short_training")
def test_without_test_images_it_is_trained_once_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Few.load

    def no_test(self: Few, split: str) -> Labelled:
        if split == "test":
            raise UserError("no image is left for the test split")
        return load(self, split)

    monkeypatch.setattr(Few, "load", no_test)
    assert for_dataset("Few", Few(), tmp_path).identity["accuracy"] is None
    caplog.clear()
    assert for_dataset("Few", Few(), tmp_path).identity["accuracy"] is None
    assert caplog.text == ""


@pytest.mark.usefixtures("short_training")
def test_a_cache_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file/Few-.*: can't be written"):
        for_dataset("Few", Few(), tmp_path / "file")


def test_images_that_are_not_square_have_a_classifier_of_their_shape(tmp_path: Path) -> None:
    path, data = tmp_path / "few.safetensors", Few(size=20)
    dataset_classifier.save(path, "Few", data, 0, 1)
    oblong = DatasetClassifier(file=str(path))
    assert (oblong.size, oblong.identity["input_size"]) == ((20, 12), "20x12")
    pixels, _ = data.load("test")
    assert torch.equal(oblong(F.pad(pixels, (1, 1, 2, 2))), oblong(pixels)), "a border is cropped"


def test_a_file_of_large_images_says_that_they_are_halved(tmp_path: Path) -> None:
    path, data = tmp_path / "large.safetensors", Few(size=40, width=36)
    accuracy = dataset_classifier.save(path, "Large", data, 0, 1)
    large = DatasetClassifier(file=str(path))
    pixels, labels = data.load("test")
    assert large.model.convolutions[0].stride == (2, 2)
    assert large.classify(pixels).argmax(1).eq(labels).double().mean() == pytest.approx(accuracy)


def test_the_same_weights_make_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        torch.manual_seed(0)
        model = Classifier(channels=1, num_classes=2)
        description = {"size": 8, "channels": 1, "classes": 2, "accuracy": 0.5}
        tensor_files.write(tmp_path / name, model.state_dict(), description)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(("count", "epochs"), [(60_000, 4), (4500, 52), (1000, 100), (303, 100), (20, 100)])
def test_few_images_are_passed_over_often_but_not_for_ever(count: int, epochs: int) -> None:
    assert dataset_classifier.epochs_for(count) == epochs
