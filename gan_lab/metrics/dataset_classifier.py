"""The extractor for small labelled images: a classifier that this repository trains, shipped for MNIST."""

import logging
from math import ceil
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from gan_lab.distributed.collectives import from_first
from gan_lab.metrics import classifier, tensor_files
from gan_lab.metrics.classifier import Classifier
from gan_lab.metrics.extractors import (
    GREY,
    OTHER_SIZES,
    Extractor,
    converted,
    plain_size,
    resized,
    with_channels,
    without_border,
)
from gan_lab.utils import hashes
from gan_lab.utils.errors import DamagedFileError, UserError
from gan_lab.utils.precision import reproducible_precision
from gan_lab.utils.sizes import height_and_width
from gan_lab.utils.types import InputPath

log = logging.getLogger(__name__)

SHIPPED = {"MNIST": Path(__file__).parent / "weights" / "mnist.safetensors"}
SEED, EPOCHS = 0, 4  # for the shipped weights and for those trained on first use
FEWEST_BATCHES = 1800  # small datasets are passed over more often, until so many batches ...
MOST_EPOCHS = 100  # ... or so often: 303 digits give 94.5 % of test digits after 100 passes, 93.7 % after 900


class LabelledImages(Protocol):
    """The part of a data module that a classifier is trained on."""

    def load(self, split: str) -> tuple[Tensor, Tensor]:
        """Images uint8 (n, channels, height, width) and labels int64 (n,) of split "train" or "test"."""


class DatasetClassifier(Extractor):
    """A classifier's 256 pooled values as features: means over quarters of its last 64 feature maps, after the ReLU.

    The hidden layer behind them reacts to missing classes as well, but hardly to a shift by two pixels: it was trained
    to ignore shifts. Ten of its 64 values are always zero, so that their covariance is singular.

    Images of other sizes lose the black border that `gan_lab.utils.images.fit` adds (up to 8 pixels a side in all).
    Others are resized with antialiasing. Colour and grey images are converted to what the classifier was trained on.

    Args:
        file: weights, as `gan-lab train-features` writes them.

    Raises:
        UserError: the file is missing or damaged.
    """

    def __init__(self, *, file: InputPath) -> None:
        super().__init__()
        path = Path(file)
        try:
            weights, description = tensor_files.read(path)
            self.model = Classifier(
                channels=description["channels"],
                num_classes=description["classes"],
                stride=description.get("stride", 1),  # of small images, and in older files of all
            )
            self.model.load_state_dict(weights)
            self.size = height_and_width(description["size"])
            self.channels = int(description["channels"])
            self.num_classes = int(description["classes"])
            self.identity = {
                "name": f"digits {description['dataset']}",
                "sha256": hashes.of_file(path),
                "input_size": plain_size(self.size),
                "other_sizes": OTHER_SIZES,
                "channels": self.channels,
                "grey": GREY,
                "antialias": True,
                "dtype": "float32",
                "accuracy": description["accuracy"],
            }
        except OSError as error:
            raise UserError(f"{path}: can't be read: {error.strerror}") from error
        except DamagedFileError as error:
            raise UserError(str(error)) from error
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise UserError(f"{path} holds no weights of this classifier: {error}") from error
        self.num_features = self.model.hidden.in_features
        self.model.to(memory_format=torch.channels_last)  # twice as fast on a CPU
        self.freeze()

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (n, 256) and logits (n, classes)."""
        return self.of_pixels(with_channels(images, self.channels))

    def of_pixels(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of float32 pixels in [0, 255], which need not be whole: (n, 1 or 3, height, width)."""
        pixels = without_border(converted(pixels, self.channels), self.size)
        pixels = resized(pixels, self.size, antialias=True).contiguous(memory_format=torch.channels_last)
        with reproducible_precision(pixels.device):
            features = self.model.convolutions(pixels / 255)
            return features, self.model.last(self.model.hidden(features).relu())


def shipped() -> DatasetClassifier:
    """Load the MNIST classifier of the package."""
    return DatasetClassifier(file=str(SHIPPED["MNIST"]))


def for_dataset(name: str, data: LabelledImages, cache_folder: Path) -> DatasetClassifier:
    """Load the classifier of a dataset: shipped, cached, or trained now (about a minute for 60,000 images) and cached.

    The cache is keyed by the content of the training images, their labels and the recipe. Weights trained on another
    machine differ in their last bits, and so do their hash and the protocol. To compare scores of several machines, let
    them share the cached file. Processes that train together take the first one's, wherever their caches are.

    Args:
        name: of the dataset.
        data: source of the training images; not read where the classifier is shipped.
        cache_folder: folder of trained classifiers.

    Raises:
        UserError: the folder can't be written to.
    """
    if name in SHIPPED:
        return DatasetClassifier(file=str(SHIPPED[name]))
    return from_first(lambda: cached(name, data, cache_folder))


def cached(name: str, data: LabelledImages, cache_folder: Path) -> DatasetClassifier:
    """Load a trained classifier from the cache, or train it now; arguments and errors are those of `for_dataset`."""
    images, labels = data.load("train")
    epochs = epochs_for(len(images))
    key = hashes.of_values({"data": hashes.of_tensors(images, labels), "recipe": [classifier.RECIPE, SEED, epochs]})
    path = cache_folder / f"{name}-{key[:16]}.safetensors"
    if path.exists():
        try:
            return DatasetClassifier(file=str(path))
        except UserError as error:
            log.warning("%s. Training it again.", error)
    log.warning("Training a classifier of %s for the scores; this happens once (%s)", name, path)
    try:
        save(path, name, data, SEED, epochs)
    except OSError as error:
        raise UserError(f"{path}: can't be written: {error.strerror}") from error
    return DatasetClassifier(file=str(path))


def epochs_for(count: int) -> int:
    """Number of passes over a training set of `count` images."""
    return max(EPOCHS, min(MOST_EPOCHS, ceil(FEWEST_BATCHES / max(1, count // classifier.BATCH_SIZE))))


def save(path: Path, name: str, data: LabelledImages, seed: int, epochs: int) -> float | None:
    """Train on a dataset and write the weights with their description; return the accuracy on its test split."""
    images, labels = data.load("train")
    try:
        test = data.load("test")
    except UserError:  # there is none: all images are for training; the classifier scores those, and is kept
        test = None
    model = classifier.train(images, labels, seed, epochs)
    accuracy = classifier.accuracy(model, *test) if test else None
    height, width = images.shape[2:]
    description: dict[str, Any] = {
        "dataset": name,
        "channels": images.shape[1],
        "classes": model.last.out_features,
        "size": height if height == width else [height, width],
        "accuracy": accuracy,
        "seed": seed,
        "epochs": epochs,
    }
    if (stride := classifier.stride_for((height, width))) > 1:  # files of small images stay as they were
        description["stride"] = stride
    tensor_files.write(path, model.state_dict(), description)
    return accuracy
