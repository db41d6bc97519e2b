"""Scores and pictures from nearest neighbours in feature space, in chunks that fit into memory."""

import torch
from torch import Tensor

K_PRECISION_RECALL = 3  # Kynkaanniemi et al. 2019
K_DENSITY_COVERAGE = 5  # Naeem et al. 2020
CHUNK = 1000  # rows of a distance matrix held at a time


def radii(features: Tensor, k: int) -> Tensor:
    """Distances to the 1st, ..., k-th nearest other of a set's features (n, d): shape (n, k), float64.

    Raises:
        ValueError: there are no k others.
    """
    if len(features) <= k:
        raise ValueError(f"{len(features)} images have no {k} neighbours each")
    exact = features.double()
    found = [torch.cdist(chunk, exact).topk(k + 1, largest=False).values for chunk in torch.split(exact, CHUNK)]
    return torch.cat(found)[:, 1:]  # without itself


def manifold_scores(real: Tensor, fake: Tensor, real_radii: Tensor | None = None) -> dict[str, float]:
    """How far the generated images lie among the real ones, and the real ones among them.

    Each set's manifold is the union of balls around its features, as wide as the k-th nearest neighbour is far.

    - precision, recall, k = 3: the share of generated images on the real manifold, and of real ones on the generated.
      Kynkaanniemi et al. 2019 (arXiv:1904.06991), eq. 1 and 2.
    - density, coverage, k = 5: how many real balls hold a generated image on average, over k (may exceed 1), and the
      share of real balls that hold any. Naeem et al. 2020 (arXiv:2002.09797), eq. 3 and 4. Coverage notices what
      recall forgives: a few images repeated.

    All of them depend on n and m; only with n = m are the values what the papers lead to expect.

    Args:
        real: features, shape (n, d), n > 5.
        fake: features, shape (m, d), m > 3.
        real_radii: `radii(real, 5)` where it is known already.

    Raises:
        ValueError: too few images.
    """
    real, fake = real.double(), fake.double()
    known = radii(real, K_DENSITY_COVERAGE) if real_radii is None else real_radii
    narrow, wide = known[:, K_PRECISION_RECALL - 1], known[:, K_DENSITY_COVERAGE - 1]
    precise, balls = 0, 0
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    covered = torch.zeros_like(recalled)
    fake_radii = radii(fake, K_PRECISION_RECALL)[:, -1:]
    for chunk, reach in zip(torch.split(fake, CHUNK), torch.split(fake_radii, CHUNK), strict=True):
        distances = torch.cdist(chunk, real)
        inside = distances <= wide
        precise += int((distances <= narrow).any(1).sum())
        balls += int(inside.sum())
        covered |= inside.any(0)
        recalled |= (distances <= reach).any(0)
    return {
        "precision": precise / len(fake),
        "recall": float(recalled.double().mean()),
        "density": balls / (K_DENSITY_COVERAGE * len(fake)),
        "coverage": float(covered.double().mean()),
    }


def nearest(samples: Tensor, known: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest of known features (n, d) to each sample's (m, d): has it been seen in training?

    Returns:
        Their indices, int64, and distances, float64, nearest first, both of shape (m, k).
    """
    exact = known.double()
    found = [torch.cdist(chunk, exact).topk(k, largest=False) for chunk in torch.split(samples.double(), CHUNK)]
    return torch.cat([chunk.indices for chunk in found]), torch.cat([chunk.values for chunk in found])
