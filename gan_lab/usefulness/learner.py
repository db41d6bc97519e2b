"""The classifier that shows what training images are worth: trained for a number of steps, whatever their number is."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_lab.metrics import classifier
from gan_lab.metrics.classifier import EVALUATED_AT_ONCE, Classifier
from gan_lab.usefulness import classical
from gan_lab.usefulness.calibration import expected_calibration_error
from gan_lab.usefulness.corruptions import CORRUPTIONS
from gan_lab.utils import chunks, seeding

RECIPE = 1  # raise it when the training or the measures change: cached results are then computed again


@dataclass(frozen=True)
class Recipe:
    """The training of a classifier, the same for every set of images.

    A larger set that is passed over as often gets more steps, and more steps alone make a classifier better. So the
    number of steps is what stays, with the learning rate that falls over them.

    Args:
        steps: batches.
        batch_size: images a batch.
        augment: whether images are augmented in the classical way.
        mirror: whether that mirrors them, too.
    """

    steps: int
    batch_size: int
    augment: bool = False
    mirror: bool = False


def train(
    images: Tensor, labels: Tensor, recipe: Recipe, *, num_classes: int, seed: int, device: torch.device
) -> Classifier:
    """Train a classifier from scratch, by `gan_lab.metrics.classifier.fit`.

    Args:
        images: uint8 (n, channels, height, width).
        labels: int64 (n,).
        recipe: of the training.
        num_classes: number of classes, some of which may have no image.
        seed: of weights, order and augmentation.
        device: to train on.

    Returns:
        The classifier, in evaluation mode.
    """
    model = classifier.untrained(channels=images.shape[1], num_classes=num_classes, seed=seed)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on a CPU
    images, labels = images.to(device), labels.to(device)
    draws = torch.Generator().manual_seed(seeding.derive(seed, "augmentation"))

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in batches(len(images), recipe, seed):
            chosen = chosen.to(device)
            pixels = unit(images[chosen])
            if recipe.augment:
                pixels = classical.augmented(pixels, draws, mirror=recipe.mirror)
            yield pixels.contiguous(memory_format=torch.channels_last), labels[chosen]

    return classifier.fit(model, drawn(), recipe.steps)


def unit(images: Tensor) -> Tensor:
    """Map stored images, uint8, to float32 from 0 to 1, the range that a classifier takes."""
    return images.float().div_(255)


def batches(count: int, recipe: Recipe, seed: int) -> Iterator[Tensor]:
    """The indices of each batch: each image once, in a random order, then each once in another one, and so on."""
    waiting, epoch = torch.empty(0, dtype=torch.long), 0
    for _ in range(recipe.steps):
        while len(waiting) < recipe.batch_size:
            order = seeding.permutation(count, seeding.derive(seed, "order", epoch))
            waiting, epoch = torch.cat((waiting, order)), epoch + 1
        yield waiting[: recipe.batch_size]
        waiting = waiting[recipe.batch_size :]


@torch.no_grad()
def probabilities(model: Classifier, images: Tensor) -> Tensor:
    """The probabilities of all classes, float32 (n, classes) on the CPU, of images float32 (n, channels, h, w)."""
    device = next(model.parameters()).device

    def classified(part: Tensor) -> Tensor:
        logits: Tensor = model(part.to(device).contiguous(memory_format=torch.channels_last))
        return logits.softmax(1).cpu()

    of_all: Tensor = chunks.applied(model, images, by=classified, most=EVALUATED_AT_ONCE)
    return of_all


@dataclass(frozen=True)
class Measured:
    """The measures of a classifier on images that neither it nor a generator has seen.

    Args:
        accuracy: share of images that are classified right.
        recall: the same of each class, by label.
        calibration_error: see `expected_calibration_error`.
        corrupted: accuracy by the name of a corruption.
    """

    accuracy: float
    recall: list[float]
    calibration_error: float
    corrupted: dict[str, float]


def measure(model: Classifier, images: Tensor, labels: Tensor, corrupted: int, num_classes: int) -> Measured:
    """Measure a classifier.

    Args:
        model: the classifier.
        images: of the test split, uint8 (n, channels, height, width).
        labels: int64 (n,).
        corrupted: number of images, evenly spread over all, that are corrupted as well, to save time.
        num_classes: number of classes.
    """
    pixels = unit(images)
    found = probabilities(model, pixels)
    right = (found.argmax(1) == labels).double()
    counts = labels.bincount(minlength=num_classes)
    of_class = torch.zeros(num_classes, dtype=torch.double).index_add_(0, labels, right) / counts.clamp(min=1)
    some = spread(len(images), corrupted)
    accuracy = {
        name: float((probabilities(model, corrupt(pixels[some])).argmax(1) == labels[some]).double().mean())
        for name, corrupt in CORRUPTIONS.items()
    }
    return Measured(float(right.mean()), of_class.tolist(), expected_calibration_error(found, labels), accuracy)


def spread(count: int, at_most: int) -> Tensor:
    """Indices of at most so many of `count` images, evenly over all of them, int64 (n,)."""
    taken = min(count, at_most)
    return torch.arange(taken) * count // max(1, taken)
