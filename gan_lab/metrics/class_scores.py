"""Scores from predicted classes: modes, their distribution, FID within a class."""

from collections import Counter

import torch
from torch import Tensor

from gan_lab.metrics.neighbours import K_DENSITY_COVERAGE, manifold_scores
from gan_lab.metrics.scores import frechet_distance
from gan_lab.utils import seeding

ENOUGH_IN_CLASS = 500  # images on each side, below which FID within a class would be mostly bias
ENOUGH_IN_HALF = 10  # images, below which FID to half of a class says nothing, even beside that of the other half
DRAWS = 10  # of halves, over which their FIDs are averaged


def histogram(classes: Tensor, num_classes: int) -> Tensor:
    """Count each class among class indices (n,): shape (num_classes,), int64."""
    return torch.bincount(classes, minlength=num_classes)


def modes(counts: Tensor) -> int:
    """Count the classes that occur at all, as Stacked-MNIST does: one image suffices, a misclassified one too."""
    return int((counts > 0).sum())


def divergence(fake: Tensor, data: Tensor) -> float:
    """KL(fake || data) of two class histograms, in nats; infinite where a class is generated that the data lacks.

    The generated distribution comes first, as in the table of Stacked-MNIST (Metz et al. 2017, arXiv:1611.02163).
    """
    p, q = (counts.double() / counts.sum() for counts in (fake, data))
    return float(torch.special.xlogy(p, p).sum() - torch.special.xlogy(p, q).sum())


def stacked(digit_logits: Tensor) -> Tensor:
    """Stacked-MNIST's class, 0 to 999, from the logits (n, 3, 10) of its three digits: red's are the hundreds."""
    digits = digit_logits.argmax(2)
    return digits[:, 0] * 100 + digits[:, 1] * 10 + digits[:, 2]


def independent(digits: Tensor) -> Tensor:
    """Probabilities of the stacks of three independent digits, shape (1000,), float64.

    They are the modes of Stacked-MNIST by construction. Counting the stacks themselves would add noise to a divergence:
    there are thousands of stacks for a thousand modes.

    Args:
        digits: the three digits of each stack, int64, shape (n, 3).
    """
    shares = [histogram(channel, 10).double() / len(digits) for channel in digits.unbind(1)]
    return torch.einsum("r,g,b->rgb", *shares).flatten()


def large_classes(real_labels: Tensor, requested: Tensor, fewest: int) -> list[int]:
    """Classes with so many images on each side, by labels (n,) and (m,), int64; negative ones are of no class."""
    known = [Counter(part.tolist()) for part in (real_labels, requested)]
    return sorted(label for label in known[0] if label >= 0 and min(each[label] for each in known) >= fewest)


def within_classes(real: Tensor, real_labels: Tensor, fake: Tensor, requested: Tensor) -> dict[int, float]:
    """FID between generated and real images of the same class, for classes with 500 images on each side.

    Args:
        real: features, shape (n, d).
        real_labels: int64, shape (n,); negative ones are of no class.
        fake: features, shape (m, d).
        requested: the class that each image was generated for, int64, shape (m,).
    """
    return {
        label: frechet_distance(real[real_labels == label], fake[requested == label])
        for label in large_classes(real_labels, requested, ENOUGH_IN_CLASS)
    }


def halves_within_classes(
    real: Tensor, real_labels: Tensor, fake: Tensor, labels: Tensor, seed: int
) -> dict[int, dict[str, float]]:
    """FID from half of a class's real images to as many generated ones, beside that to the other half.

    Both have the bias of so few images: the generated images are as good as real ones where both numbers are equal.
    A half has 500 images at most. The numbers are means over ten random choices.

    Args:
        real: features, shape (n, d).
        real_labels: int64, shape (n,); negative ones are of no class.
        fake: features, shape (m, d).
        labels: classes of the generated images, int64, shape (m,).
        seed: of the choices.

    Returns:
        For each class of which halves have ten images, `half_images`, `half_fid` and `half_floor`.
    """
    found: dict[int, dict[str, float]] = {}
    for label in large_classes(real_labels, labels, ENOUGH_IN_HALF):
        parts = real[real_labels == label], fake[labels == label]
        size = min(len(parts[0]) // 2, len(parts[1]), ENOUGH_IN_CLASS)
        if size < ENOUGH_IN_HALF:
            continue
        draws = [_halves(*parts, size, seeding.derive(seed, "halves", label, draw)) for draw in range(DRAWS)]
        distance, floor = torch.tensor(draws, dtype=torch.float64).mean(0).tolist()
        found[label] = {"half_images": float(size), "half_fid": distance, "half_floor": floor}
    return found


def _halves(real: Tensor, fake: Tensor, size: int, seed: int) -> tuple[float, float]:
    """FID from so many real images of a class to as many generated ones, and to as many other real ones."""
    real, fake = (
        part[seeding.permutation(len(part), seeding.derive(seed, side))] for side, part in enumerate((real, fake))
    )
    half, other = torch.split(real[: 2 * size], size)
    return frechet_distance(half, fake[:size]), frechet_distance(half, other)


def manifold_within_classes(
    real: Tensor, real_labels: Tensor, fake: Tensor, labels: Tensor
) -> dict[int, dict[str, float]]:
    """Precision, recall, density and coverage of each class that has six images on each side.

    Equally many of both sides are compared, the first ones of the class.

    Args:
        real: features, shape (n, d).
        real_labels: int64, shape (n,); negative ones are of no class.
        fake: features, shape (m, d).
        labels: classes of the generated images, int64, shape (m,).
    """
    found: dict[int, dict[str, float]] = {}
    for label in large_classes(real_labels, labels, K_DENSITY_COVERAGE + 1):
        real_part, fake_part = real[real_labels == label], fake[labels == label]
        size = min(len(real_part), len(fake_part))
        found[label] = manifold_scores(real_part[:size], fake_part[:size])
    return found
