"""FID, KID and Inception Score by torchmetrics, from features and logits."""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import KernelInceptionDistance

from gan_lab.utils import seeding

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000  # torchmetrics' defaults
CMMD_WIDTH, CMMD_SCALE = 10.0, 1000.0  # Jayasumana et al. 2024
ROWS = 1000  # of a kernel's matrix held at a time
INCEPTION_SCORE_SPLITS = 10  # Salimans et al. 2016 (arXiv:1606.03498)


class Identity(nn.Module):
    """An identity in place of torchmetrics' extractor, which lets it take features instead of images."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        """Return the features."""
        return features


@dataclass(frozen=True)
class Moments:
    """Sums over a set of features (n, d) from which FID is computed, in float64.

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
        """Compute the sums of features (n, d)."""
        exact = features.double()
        return cls(len(features), exact.sum(0), exact.T @ exact)

    @property
    def mean(self) -> Tensor:
        """Mean of the features, shape (d,)."""
        return self.total / self.count

    @property
    def covariance(self) -> Tensor:
        """Covariance over n - 1, shape (d, d)."""
        return (self.outer - self.count * torch.outer(self.mean, self.mean)) / (self.count - 1)


def frechet_distance(real: Moments, fake: Tensor) -> float:
    """FID: |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)) of two Gaussians (Heusel et al. 2017, arXiv:1706.08500, eq. 6).

    Computed in float64, with covariances over n - 1. The bias is upwards and falls with 1/n.

    Args:
        real: moments of at least two images.
        fake: features, shape (m, d), m > 1.
    """
    metric = FrechetInceptionDistance(feature=Identity(fake.shape[1]), sync_on_compute=False).to(fake.device)
    metric.update(fake.double(), real=False)
    metric.real_features_sum = real.total
    metric.real_features_cov_sum = real.outer
    metric.real_features_num_samples = torch.tensor(real.count, device=fake.device)
    return float(metric.compute())


def frechet_distance_of_few(real: Tensor, fake: Tensor) -> float:
    """FID of features (n, d) and (m, d), quick where n and m are below d, as its matrix is n x m.

    With centred features X and Y, C = X'X / (n - 1) and tr((C C')^(1/2)) is the sum of the singular values of
    X Y' / ((n - 1)(m - 1))^(1/2). Computed in float64.
    """
    real, fake = real.double(), fake.double()
    x, y = ((part - part.mean(0)) / (len(part) - 1) ** 0.5 for part in (real, fake))
    spread = x.square().sum() + y.square().sum() - 2 * torch.linalg.svdvals(x @ y.T).sum()
    return float((real.mean(0) - fake.mean(0)).square().sum() + spread)


def kernel_distance(real: Tensor, fake: Tensor, seed: int) -> tuple[float, float]:
    """KID, the unbiased squared MMD with the kernel (x.y / d + 1)^3: mean and standard deviation over random subsets.

    Binkowski et al. 2018 (arXiv:1801.01401). Subsets hold 1,000 images of each side, or all if there are fewer. The
    score of sets from one distribution is around zero, and negative in half of the cases.

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
            feature=Identity(real.shape[1]), subsets=KID_SUBSETS, subset_size=size, sync_on_compute=False
        )
        metric.update(real.double(), real=True)
        metric.update(fake.double(), real=False)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def gaussian_discrepancy(real: Tensor, fake: Tensor) -> float:
    """CMMD: 1000 times the squared MMD with a Gaussian kernel of width 10, of features of length 1.

    Jayasumana et al. 2024 (arXiv:2401.09603), eq. 4 and section 4, who take CLIP's image embeddings. As in their code,
    the mean over pairs within a set includes each image with itself: at least 0, and biased upwards by 1/n.

    Args:
        real: features, shape (n, d).
        fake: features, shape (m, d).
    """
    x, y = (part.double() / part.double().norm(dim=1, keepdim=True) for part in (real, fake))
    within = _mean_kernel(x, x) + _mean_kernel(y, y)
    return CMMD_SCALE * (within - 2 * _mean_kernel(x, y))


def _mean_kernel(x: Tensor, y: Tensor) -> float:
    """Mean over all pairs of exp(-|x - y|^2 / (2 width^2)), of rows of length 1."""
    sums = [torch.exp((chunk @ y.T - 1) / CMMD_WIDTH**2).sum() for chunk in torch.split(x, ROWS)]
    return float(torch.stack(sums).sum()) / (len(x) * len(y))


def inception_score(logits: Tensor, seed: int) -> tuple[float, float]:
    """exp E KL(p(y|x) || p(y)), mean and standard deviation over ten random splits; from 1 to the number of classes.

    Salimans et al. 2016 (arXiv:1606.03498). The score ignores real images, and is biased for small splits.

    Args:
        logits: of the generated images, shape (n, classes).
        seed: of the splits.
    """
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*will save all extracted features in buffer")
        torch.manual_seed(seeding.derive(seed, "inception score"))
        splits = min(INCEPTION_SCORE_SPLITS, len(logits) // 2)
        metric = InceptionScore(feature=Identity(logits.shape[1]), splits=splits, sync_on_compute=False)
        metric.update(logits.double())
        mean, deviation = metric.compute()
    return float(mean), float(deviation)
