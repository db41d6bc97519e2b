"""The calibration of a classifier: whether it is right as often as it is sure."""

import torch
from torch import Tensor

BINS = 15  # as Guo et al. 2017 and most others take


def expected_calibration_error(probabilities: Tensor, labels: Tensor, bins: int = BINS) -> float:
    """The expected calibration error, ECE (Guo et al. 2017, arXiv:1706.04599, eq. 5), from 0 to 1; 0 is best.

    Images are sorted into bins ((m - 1) / bins, m / bins] by their confidence, the highest probability. In each bin the
    mean confidence is held against the share of images that are right. The differences are averaged, each weighted by
    the images of its bin.

    Args:
        probabilities: of each class, rows that add up to 1, shape (n, classes), n > 0.
        labels: the right classes, int64 (n,).
        bins: number of bins of equal width.
    """
    confidence, predicted = probabilities.double().max(1)
    right = (predicted == labels).double()
    place = (confidence * bins).ceil().long().sub(1).clamp(0, bins - 1)
    gaps = torch.zeros(bins, dtype=torch.double, device=place.device).index_add_(0, place, right - confidence)
    return float(gaps.abs().sum() / len(labels))
