"""FID, CMMD, and by torchmetrics KID and Inception Score, from features and logits."""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn
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


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution by its mean (d,) and a factor F (d, k) of its covariance, C = F F', in float64."""

    mean: Tensor
    factor: Tensor

    @classmethod
    def of(cls, images: Moments | Tensor) -> "Gaussian":
        """The distribution with the moments of images, or of their features (n, d); covariances are over n - 1.

        Fewer features than dimensions are a factor themselves, once they are centred. Else it is Cholesky's, or where
        the covariance is singular, that of the eigenvectors.
        """
        if isinstance(images, Tensor) and len(images) < images.shape[1]:
            exact = images.double()
            mean = exact.mean(0)
            return cls(mean, (exact - mean).T / (len(exact) - 1) ** 0.5)
        moments = images if isinstance(images, Moments) else Moments.of(images)
        covariance = moments.covariance
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if failed:
            values, vectors = torch.linalg.eigh(covariance)
            known = values > len(values) * torch.finfo(values.dtype).eps * values[-1]  # others are a zero's rounding
            factor = vectors[:, known] * values[known].sqrt()
        return cls(moments.mean, factor)

    def distance(self, other: "Gaussian") -> float:
        """|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)), without a root of C C', which is not symmetric.

        With C = F F' and C' = G G', the trace of the root is the sum of the singular values of F' G. The eigenvalues of
        C C' would not do where images are few or a feature is constant: the root of a zero that was rounded is large.
        """
        product = self.factor.T @ other.factor
        # Its singular values spread over many orders: torch advises against cuSOLVER's default, Jacobi's method.
        root = torch.linalg.svdvals(product, driver="gesvd" if product.is_cuda else None).sum()
        spread = self.factor.square().sum() + other.factor.square().sum() - 2 * root
        return float((self.mean - other.mean).square().sum() + spread)


def frechet_distance(real: Moments | Tensor, fake: Moments | Tensor) -> float:
    """FID of two sets, as Gaussians (Heusel et al. 2017, arXiv:1706.08500, eq. 6). The bias is upwards, like 1/n.

    Args:
        real: moments of two images or more, or their features (n, d).
        fake: the same of the generated images.
    """
    return Gaussian.of(real).distance(Gaussian.of(fake))


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
