"""What a classifier says of generated images: which classes they show, how evenly, and whether the asked ones."""

import torch
from torch import Tensor

from gan_lab.metrics.scores import Moments, frechet_distance

ENOUGH_IN_CLASS = 500  # images on each side, below which FID within a class would be mostly bias


def histogram(classes: Tensor, num_classes: int) -> Tensor:
    """How often each class occurs among class indices (n,): shape (num_classes,), int64."""
    return torch.bincount(classes, minlength=num_classes)


def modes(counts: Tensor) -> int:
    """The number of classes that occur at all, as Stacked-MNIST counts: one image suffices, a misread one too."""
    return int((counts > 0).sum())


def divergence(fake: Tensor, data: Tensor) -> float:
    """KL(fake || data) of two class histograms, in nats; infinite where a class is generated that the data lacks.

    The generated first, as in the table of Stacked-MNIST (Metz et al. 2017, arXiv:1611.02163).
    """
    p, q = (counts.double() / counts.sum() for counts in (fake, data))
    return float(torch.special.xlogy(p, p).sum() - torch.special.xlogy(p, q).sum())


def stacked(digit_logits: Tensor) -> Tensor:
    """Stacked-MNIST's class, 0 to 999, from the logits (n, 3, 10) of its three digits: red's are the hundreds."""
    digits = digit_logits.argmax(2)
    return digits[:, 0] * 100 + digits[:, 1] * 10 + digits[:, 2]


def independent(digits: Tensor) -> Tensor:
    """How often each stack of three digits occurs where they are drawn independently, shape (1000,), float64.

    The modes of Stacked-MNIST by their construction: counting those of some thousand stacks instead would add their
    noise to a divergence.

    Args:
        digits: as often as they are drawn, int64, shape (n, 3).
    """
    shares = [histogram(channel, 10).double() / len(digits) for channel in digits.unbind(1)]
    return torch.einsum("r,g,b->rgb", *shares).flatten()


def within_classes(real: Tensor, real_labels: Tensor, fake: Tensor, asked: Tensor) -> dict[int, float]:
    """FID of the images asked of a class to the real ones of that class, for classes with 500 on each side.

    Args:
        real: features, shape (n, d).
        real_labels: int64, shape (n,).
        fake: features, shape (m, d).
        asked: int64, shape (m,).
    """
    found: dict[int, float] = {}
    for label in sorted(set(real_labels.tolist())):
        mine, others = fake[asked == label], real[real_labels == label]
        if min(len(mine), len(others)) >= ENOUGH_IN_CLASS:
            found[label] = frechet_distance(Moments.of(others), mine)
    return found
