"""The noise and the bias of FID: an interval by resampling, and its value for infinitely many images."""

import torch
from torch import Tensor

from gan_lab.metrics.scores import Gaussian, Moments
from gan_lab.utils import seeding

POINTS = 15  # numbers of images at which FID-infinity looks (Chong & Forsyth 2020)
FEWEST = 5000  # the smallest of them, where there are twice as many
RESAMPLES = 50
QUANTILE = 1.959964  # of the normal distribution: 95 % lie between minus and plus it


def fid_infinity(real: Moments, fake: Tensor, seed: int) -> float:
    """FID extrapolated to infinitely many generated images (Chong & Forsyth 2020, arXiv:1911.07023, section 4).

    FID of n images is biased by about a multiple of 1/n. The line through FIDs of 15 numbers of images, over 1/n, ends
    at 1/n = 0. The numbers go from 5,000, or half of the images where those are fewer than 10,000, to all. The bias of
    few real images stays.

    Args:
        real: moments of the real images.
        fake: features, shape (m, d).
        seed: of the random parts.
    """
    reference = Gaussian.of(real)
    most = len(fake)
    spread = torch.linspace(min(FEWEST, most / 2), most, POINTS, dtype=torch.float64).round().tolist()
    counts = sorted({int(count) for count in spread if count > 1})
    found = []
    for index, count in enumerate(counts):
        part = seeding.permutation(most, seeding.derive(seed, "fid infinity", index))[:count].to(fake.device)
        found.append(reference.distance(Gaussian.of(fake[part])))
    rates = 1 / torch.tensor(counts, dtype=torch.float64)
    values = torch.tensor(found, dtype=torch.float64)
    slope = ((rates - rates.mean()) * (values - values.mean())).sum() / (rates - rates.mean()).square().sum()
    return float(values.mean() - slope * rates.mean())


def fid_interval(real: Moments, fake: Tensor, seed: int) -> tuple[float, float]:
    """95 % interval of FID from the choice of the generated images: lowest and highest.

    The bootstrap (Efron 1979): FIDs of 50 sets drawn with replacement from the generated images have a standard
    deviation, of which 1.96 lie on each side of the FID of all. The sets' own mean is not used: FID of images that come
    several times is too large. The real images are taken as they are, as the protocol does, and neither another seed of
    training nor the bias of few images is in the interval.

    Args:
        real: moments of the real images.
        fake: features, shape (m, d).
        seed: of the draws.
    """
    reference = Gaussian.of(real)
    exact = fake.double()
    seen = exact @ reference.factor  # once for all draws
    generator = torch.Generator().manual_seed(seeding.derive(seed, "fid interval"))
    found = []
    for _ in range(RESAMPLES):
        drawn = torch.randint(len(fake), (len(fake),), generator=generator)
        rows, times = (part.to(exact.device) for part in torch.unique(drawn, return_counts=True))
        shares = times.double() / len(fake)
        mean = shares @ exact[rows]
        weights = (shares[:, None] * len(fake) / (len(fake) - 1)).sqrt()
        part = weights * (seen[rows] - shares @ seen[rows])
        # Roots of a Gram matrix's eigenvalues are its singular values but for 1e-8 of the largest: enough for a spread.
        gram = part @ part.T if len(part) < part.shape[1] else part.T @ part
        root = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt().sum()
        trace = (weights * (exact[rows] - mean)).square().sum()
        found.append(float((mean - reference.mean).square().sum() + trace - 2 * root))  # and what all share
    centre = reference.distance(Gaussian.of(fake))
    reach = QUANTILE * float(torch.tensor(found, dtype=torch.float64).std())
    return centre - reach, centre + reach
