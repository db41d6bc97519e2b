"""Scores of memorised training images, from distances of features."""

import math

import torch
from torch import Tensor

from gan_lab.metrics.neighbours import nearest
from gan_lab.utils import seeding

CELLS = 5  # regions of feature space in which C_T compares
ROUNDS = 20  # of k-means
RARE = 0.02  # share of the generated images below which C_T leaves a cell out, as its authors do for small ones


def authenticity(training: Tensor, fake: Tensor) -> float:
    """Share of generated images that are no copies (Alaa et al. 2022, arXiv:2102.08921, section 3.3), from 0 to 1.

    An image counts as a copy where it is nearer to its nearest training image than any other training image is to that
    one. Around a half of new images of the same distribution do so by chance, so 1 is not to be expected.

    Args:
        training: features of training images, shape (n, d), n > 1.
        fake: features of generated images, shape (m, d).
    """
    indices, distances = (found[:, 0] for found in nearest(fake, training, 1))
    chosen = sorted(set(indices.tolist()))  # few of many training images
    others = torch.zeros(len(training), dtype=distances.dtype, device=distances.device)
    others[chosen] = nearest(training[chosen], training, 2)[1][:, 1]  # the nearest is the image itself
    return float((distances > others[indices]).double().mean())


def copying(training: Tensor, held_out: Tensor, fake: Tensor, seed: int) -> float:
    """C_T, below zero where generated images are nearer to training images than unseen real images are.

    Meehan et al. 2020 (arXiv:2004.05675), section 3: in each cell of feature space the distances to the nearest
    training image, of generated and of unseen images, are compared by Mann and Whitney's test. C_T is the mean of its
    z over cells, weighted by the unseen images in them. Around 0: as near as unseen images. Below -3: copies. Far above
    0: the generated images are away from the data.

    Args:
        training: features, shape (n, d).
        held_out: features of real images that were not trained on, shape (k, d).
        fake: features, shape (m, d).
        seed: of the cells.
    """
    near, far = (nearest(part, training, 1)[1][:, 0] for part in (fake, held_out))
    centres = cells(training, seed)
    of_fake, of_held_out = (nearest(part, centres, 1)[0][:, 0] for part in (fake, held_out))
    total, weight = 0.0, 0
    for cell in range(len(centres)):
        mine, theirs = near[of_fake == cell], far[of_held_out == cell]
        if len(theirs) and len(mine) > RARE * len(fake):
            total += len(theirs) * rank_test(mine, theirs)
            weight += len(theirs)
    return total / weight if weight else 0.0


def rank_test(sample: Tensor, reference: Tensor) -> float:
    """Mann and Whitney's z (1947): above zero where values of the sample (m,) exceed those of the reference (n,).

    U counts the pairs in which the sample's value is larger, half of it where they are equal. Without ties, and for
    equal distributions, z is about standard normal.
    """
    ordered = reference.sort().values
    below, up_to = (torch.searchsorted(ordered, sample, right=right) for right in (False, True))
    m, n = len(sample), len(reference)
    larger = float((below + up_to).double().sum() / 2)
    return (larger - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12)


def cells(features: Tensor, seed: int) -> Tensor:
    """Centres (k, d) of at most five cells by k-means, float64; the same seed gives the same cells."""
    exact = features.double()
    chosen = seeding.permutation(len(exact), seeding.derive(seed, "cells"))[:CELLS]
    centres = exact[chosen.to(exact.device)]
    for _ in range(ROUNDS):
        members = nearest(exact, centres, 1)[0][:, 0]
        sums = torch.zeros_like(centres).index_add_(0, members, exact)
        counts = members.bincount(minlength=len(centres))[:, None]
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres
