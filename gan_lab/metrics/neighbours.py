"""Scores from nearest neighbours in feature space, computed in chunks that fit into memory."""

import torch
from torch import Tensor

K_PRECISION_RECALL = 3  # Kynkaanniemi et al. 2019
K_DENSITY_COVERAGE = 5  # Naeem et al. 2020
CHUNK = 1000  # rows of a distance matrix held at a time


def radii(features: Tensor, k: int) -> Tensor:
    """Distances from each of the features (n, d) to its 1st, ..., k-th nearest neighbour: shape (n, k), float64.

    Raises:
        ValueError: there are no k neighbours.
    """
    if len(features) <= k:
        raise ValueError(f"{len(features)} images have no {k} neighbours each")
    exact = features.double()
    distances = [torch.cdist(chunk, exact).topk(k + 1, largest=False).values for chunk in torch.split(exact, CHUNK)]
    return torch.cat(distances)[:, 1:]  # the nearest is the image itself


def manifold_scores(real: Tensor, fake: Tensor, real_radii: Tensor | None = None) -> dict[str, float]:
    """Precision, recall, density and coverage of generated images.

    Each set's manifold is the union of balls around its features. A ball reaches to the k-th nearest neighbour.

    - precision, recall, k = 3: the share of generated images on the real manifold, and of real ones on the generated.
      Kynkaanniemi et al. 2019 (arXiv:1904.06991), eq. 1 and 2.
    - density, coverage, k = 5: how many real balls hold a generated image on average, over k (may exceed 1), and the
      share of real balls that hold any. Naeem et al. 2020 (arXiv:2002.09797), eq. 3 and 4. Coverage reacts to
      a few images repeated, recall does not.

    All four depend on n and m. Values compare with those of the papers only for n = m.

    Args:
        real: features, shape (n, d), n > 5.
        fake: features, shape (m, d), m > 3.
        real_radii: `radii(real, 5)`; None computes it.

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
    """Find the k nearest of known features (n, d) to each sample's features (m, d).

    Returns:
        Indices, int64, and distances, float64, nearest first, both of shape (m, k).
    """
    exact = known.double()
    neighbours = [torch.cdist(chunk, exact).topk(k, largest=False) for chunk in torch.split(samples.double(), CHUNK)]
    return torch.cat([chunk.indices for chunk in neighbours]), torch.cat([chunk.values for chunk in neighbours])
