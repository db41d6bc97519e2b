"""FID, KID and Inception Score by torchmetrics, on features and logits that are there already."""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from gan_lab.utils import seeding

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000  # torchmetrics' defaults
INCEPTION_SCORE_SPLITS = 10  # Salimans et al. 2016 (arXiv:1606.03498)


class Given(nn.Module):
    """Takes the place of torchmetrics' extractor where features are given instead of images."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        """The features themselves."""
        return features


@dataclass(frozen=True)
class Moments:
    """What FID must know of a set of features (n, d), in float64.

    Args:
        count: n.
        total: sum of the features, shape (d,).
        outer: sum of their outer products, shape (d, d).
    """

    count: int
    total: Tensor
    outer: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Moments":
        """Of features (n, d)."""
        exact = features.double()
        return cls(len(features), exact.sum(0), exact.T @ exact)


def frechet_distance(real: Moments, fake: Tensor) -> float:
    """FID: |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)) of two Gaussians (Heusel et al. 2017, arXiv:1706.08500, eq. 6).

    In float64, with the covariances of n - 1. Biased upwards by about 1/n.

    Args:
        real: of at least two images.
        fake: features, shape (m, d), m > 1.
    """
    metric = FrechetInceptionDistance(feature=Given(fake.shape[1]), sync_on_compute=False).to(fake.device)
    metric.update(fake.double(), real=False)
    metric.real_features_sum = real.total
    metric.real_features_cov_sum = real.outer
    metric.real_features_num_samples = torch.tensor(real.count, device=fake.device)
    return float(metric.compute())


def kernel_distance(real: Tensor, fake: Tensor, seed: int) -> tuple[float, float]:
    """KID, the unbiased squared MMD with the kernel (x.y / d + 1)^3: mean and standard deviation over random subsets.

    Binkowski et al. 2018 (arXiv:1801.01401). Subsets hold 1,000 images of each side, or as many as there are; a score
    of matched sets is around zero, and negative as often as not.

    Args:
        real: features, shape (n, d).
        fake: features, shape (m, d).
        seed: of the subsets.
    """
    size = min(KID_SUBSET_SIZE, len(real), len(fake))
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*will save all extracted features in buffer")
        torch.manual_seed(seeding.derive(seed, "kid"))
        metric = KernelInceptionDistance(
            feature=Given(real.shape[1]), subsets=KID_SUBSETS, subset_size=size, sync_on_compute=False
        )
        metric.update(real.double(), real=True)
        metric.update(fake.double(), real=False)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def inception_score(logits: Tensor, seed: int) -> tuple[float, float]:
    """exp E KL(p(y|x) || p(y)), mean and standard deviation over ten random splits; from 1 to the number of classes.

    Salimans et al. 2016 (arXiv:1606.03498). It never looks at real images, and is biased where splits are small.

    Args:
        logits: of the generated images, shape (n, classes).
        seed: of the splits.
    """
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*will save all extracted features in buffer")
        torch.manual_seed(seeding.derive(seed, "inception score"))
        metric = InceptionScore(
            feature=Given(logits.shape[1]), splits=min(INCEPTION_SCORE_SPLITS, len(logits) // 2), sync_on_compute=False
        )
        metric.update(logits.double())
        mean, deviation = metric.compute()
    return float(mean), float(deviation)
