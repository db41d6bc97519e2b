"""A small classifier of small images, trained within a minute on two cores; scores of digits use its features."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.utils import chunks, seeding
from gan_lab.utils.terminal import bar

WIDTHS = (16, 16, 32, 32, 64)  # feature maps after each convolution
POOLED_AFTER = (16, 32)  # the second convolution of each of these widths halves the map
HIDDEN = 64
SMALL = 32  # pixels of the shorter side; larger images are halved by the first convolution
SHIFT = 2  # pixels by which training images are moved at most, each way
BATCH_SIZE = 128
MAX_LEARNING_RATE = 5e-3
EVALUATED_AT_ONCE = 50  # images; the maps of 500 leave a core's cache, and take three times as long
RECIPE = 2  # raise it when the network or its training changes: cached classifiers are then trained again


class Classifier(nn.Module):
    """Maps images (n, channels, height, width) in [0, 1] to logits (n, num_classes).

    Convolutions 3x3 of 16, 16, 32, 32 and 64 maps with batch norm and ReLU, a max-pool after each pair, the mean of
    each quarter of the last map (256 values), a hidden layer of 64.

    Args:
        channels: 1 for grey, 3 for colour.
        num_classes: number of classes.
        stride: of the first convolution.
    """

    def __init__(self, *, channels: int, num_classes: int, stride: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in pairwise((channels, *WIDTHS)):
            step = 1 if layers else stride
            convolution = nn.Conv2d(before, width, 3, step, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            if before == width and width in POOLED_AFTER:
                layers.append(nn.MaxPool2d(2))
        self.convolutions = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.hidden = nn.Linear(4 * WIDTHS[-1], HIDDEN)
        self.last = nn.Linear(HIDDEN, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of each class."""
        logits: Tensor = self.last(F.relu(self.hidden(self.convolutions(images))))
        return logits


def train(images: Tensor, labels: Tensor, seed: int, epochs: int) -> Classifier:
    """Train a classifier from scratch. The same machine and number of threads give the same bits.

    By `fit`, with images shifted at random.

    Args:
        images: uint8, shape (n, channels, height, width).
        labels: int64, shape (n,), from 0 to the number of classes - 1.
        seed: of weights, order and shifts.
        epochs: passes over the images.

    Returns:
        The classifier, in evaluation mode.
    """
    stride = stride_for(images.shape[2:])
    model = untrained(channels=images.shape[1], num_classes=int(labels.max()) + 1, seed=seed, stride=stride)
    batch_size = min(BATCH_SIZE, len(images))
    batches = len(images) // batch_size
    shifts = torch.Generator().manual_seed(seeding.derive(seed, "shifts"))

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        for epoch in bar(range(epochs), "Training a classifier", epochs, "epochs"):
            order = seeding.permutation(len(images), seeding.derive(seed, "order", epoch))
            for chosen in torch.split(order[: batches * batch_size], batch_size):
                yield shifted(images[chosen], shifts).float() / 255, labels[chosen]

    return fit(model, drawn(), epochs * batches)


def stride_for(size: Sequence[int]) -> int:
    """The stride of the first convolution for images of a size: 64x64 in colour are learned in a fifth of the time."""
    return 1 if min(size) <= SMALL else 2


def untrained(*, channels: int, num_classes: int, seed: int, stride: int = 1) -> Classifier:
    """A classifier whose weights follow from the seed; the random numbers of others stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeding.derive(seed, "init"))
        return Classifier(channels=channels, num_classes=num_classes, stride=stride)


def fit(model: Classifier, batches: Iterable[tuple[Tensor, Tensor]], count: int) -> Classifier:
    """Train a classifier by AdamW under a one-cycle learning rate (Smith & Topin 2018, arXiv:1708.07120).

    Args:
        model: the classifier, which is changed.
        batches: images in [0, 1] (n, channels, height, width) with labels int64 (n,), on the model's device.
        count: number of batches.

    Returns:
        The classifier, in evaluation mode.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=MAX_LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, MAX_LEARNING_RATE, total_steps=count)
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return model.eval()


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift each image by up to `SHIFT` pixels in both directions at random, padding with zeros."""
    count, _, height, width = images.shape
    padded = F.pad(images, (SHIFT,) * 4)
    down, right = torch.randint(0, 2 * SHIFT + 1, (2, count, 1), generator=generator)
    rows, columns = torch.arange(height) + down, torch.arange(width) + right
    moved = padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2).contiguous()


@torch.no_grad()
def accuracy(model: Classifier, images: Tensor, labels: Tensor) -> float:
    """Share of uint8 images (n, channels, height, width) whose label (n,) the classifier predicts."""
    predicted = chunks.applied(
        model, images, by=lambda part: model(part.float() / 255).argmax(1), most=EVALUATED_AT_ONCE
    )
    return int((predicted == labels).sum()) / len(images)
