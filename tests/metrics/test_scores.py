"""FID, KID and Inception Score against independent computations in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import torch

from gan_lab.metrics import scores
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.scores import Moments, frechet_distance, inception_score, kernel_distance
from tests.metrics.conftest import Labelled


def normal(count: int, width: int = 16, seed: int = 0, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=torch.Generator().manual_seed(99))
    return torch.randn(count, width, generator=generator) @ mixing * scale + shift


def independent_fid(real: torch.Tensor, fake: torch.Tensor) -> float:
    """With scipy's matrix square root, of covariances by numpy."""
    left, right = real.double().numpy(), fake.double().numpy()
    first, second = np.cov(left, rowvar=False), np.cov(right, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second)
    return float(((left.mean(0) - right.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root.real))


def symmetric_fid(real: torch.Tensor, fake: torch.Tensor) -> float:
    """With the eigenvalues of C^(1/2) C' C^(1/2), which are real and not negative, so singular covariances are fine."""
    first, second = real.double().T.cov(), fake.double().T.cov()
    values, vectors = torch.linalg.eigh(first)
    root = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
    trace = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    return float((real.double().mean(0) - fake.double().mean(0)).square().sum() + (first + second).trace() - 2 * trace)


@pytest.mark.parametrize("reference", [independent_fid, symmetric_fid])
@pytest.mark.parametrize("changed", [{}, {"scale": 1.3}, {"shift": 5.0}, {"shift": 1000.0}])
def test_fid_is_what_others_compute(
    reference: Callable[[torch.Tensor, torch.Tensor], float], changed: dict[str, float]
) -> None:
    real, fake = normal(3000), normal(2000, seed=1, **changed)
    assert frechet_distance(Moments.of(real), fake) == pytest.approx(reference(real, fake), rel=1e-6)


def test_fid_of_digits_is_what_others_compute(extractor: DatasetClassifier, numerals: Labelled) -> None:
    features = extractor(numerals[0][:3000])
    real, fake = features[:1500], features[1500:]
    score = frechet_distance(Moments.of(real), fake)
    assert score == pytest.approx(independent_fid(real, fake), rel=1e-6)
    assert score == pytest.approx(symmetric_fid(real, fake), rel=1e-6)


def exact_fid(real: torch.Tensor, fake: torch.Tensor) -> float:
    """From the features alone: no covariance is made, whose small eigenvalues would be rounded, and no root of one."""
    real, fake = real.double(), fake.double()
    x, y = ((part - part.mean(0)) / (len(part) - 1) ** 0.5 for part in (real, fake))
    root = torch.linalg.svdvals(x @ y.T).sum()
    return float((real.mean(0) - fake.mean(0)).square().sum() + x.square().sum() + y.square().sum() - 2 * root)


@pytest.mark.parametrize("count", [100, 255, 256, 257, 600])  # of 256 features
@pytest.mark.parametrize("others", [90, 256, 700])
def test_fid_is_exact_of_any_number_of_images(
    count: int, others: int, extractor: DatasetClassifier, numerals: Labelled
) -> None:
    features = extractor(numerals[0][: count + others])
    real, fake = features[:count], features[count:]
    expected = pytest.approx(exact_fid(real, fake), rel=1e-8)
    assert frechet_distance(Moments.of(real), fake) == expected
    assert frechet_distance(real, fake) == expected
    assert frechet_distance(real, Moments.of(fake)) == expected


@pytest.mark.parametrize(
    "constant", [(slice(0, 16, 3), slice(0)), (slice(0), slice(0, 16, 3)), (slice(4), slice(2, 8))]
)
def test_fid_is_exact_where_a_feature_never_changes(constant: tuple[slice, slice]) -> None:
    real, fake = normal(300), normal(200, seed=1, scale=1.3, shift=2.0)
    for part, places in zip((real, fake), constant, strict=True):
        part[:, places] = 0.1
    assert frechet_distance(Moments.of(real), fake) == pytest.approx(exact_fid(real, fake), rel=1e-10)


def test_fid_of_equal_sets_is_zero(extractor: DatasetClassifier, numerals: Labelled) -> None:
    for features in (normal(500), extractor(numerals[0][:1000])):
        shuffled = features[torch.randperm(len(features), generator=torch.Generator().manual_seed(0))]
        assert frechet_distance(Moments.of(features), shuffled) == pytest.approx(0, abs=1e-6)


def test_fid_of_known_gaussians() -> None:
    """Covariances 1 and 4 in one dimension, means 3 apart: 9 + (1 - 2)^2."""
    real = torch.tensor([[-1.0], [1.0]]) / 2**0.5
    assert frechet_distance(Moments.of(real), real * 2 + 3) == pytest.approx(10, rel=1e-6)


def independent_kid(real: torch.Tensor, fake: torch.Tensor) -> float:
    """The unbiased estimator, summed pair by pair."""

    def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a.double() @ b.double().T / a.shape[1] + 1) ** 3

    count = len(real)
    pairs = ~torch.eye(count, dtype=torch.bool)
    within = kernel(real, real)[pairs].mean() + kernel(fake, fake)[pairs].mean()
    return float(within - 2 * kernel(real, fake).mean())


def test_kid_is_the_unbiased_estimator() -> None:
    real, fake = normal(200), normal(200, seed=1, shift=0.5)
    mean, deviation = kernel_distance(real, fake, seed=0)
    assert mean == pytest.approx(independent_kid(real, fake), rel=1e-6)
    assert deviation == pytest.approx(0, abs=1e-6 * mean)  # one subset: all there are


def test_kid_of_matched_sets_is_zero_on_average_and_takes_both_signs() -> None:
    kids = torch.tensor([kernel_distance(normal(60, 8, 2 * s), normal(60, 8, 2 * s + 1), 0)[0] for s in range(60)])
    assert kids.mean().abs() < 3 * kids.std() / len(kids) ** 0.5
    assert 10 < (kids > 0).sum() < 50
    assert kernel_distance(normal(60, 8), normal(60, 8, 1, shift=3.0), 0)[0] > kids.max()


def test_inception_score_by_hand() -> None:
    sure = torch.eye(5).repeat(200, 1) * 100
    mean, deviation = inception_score(sure, seed=0)
    assert mean == pytest.approx(5, rel=0.05)  # splits of 100 are only nearly balanced
    assert deviation < 0.2
    assert inception_score(torch.zeros(100, 5), seed=0) == pytest.approx((1, 0))
    assert inception_score(sure[:1].repeat(100, 1), seed=0) == pytest.approx((1, 0))


@pytest.mark.bits
def test_subsets_come_from_the_seed_and_torchs_random_numbers_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scores, "KID_SUBSET_SIZE", 100)
    real, fake = normal(200), normal(150, seed=1)
    state = torch.get_rng_state()
    kids = [kernel_distance(real, fake, seed) for seed in (0, 0, 1)]
    inception_scores = [inception_score(real, seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), state)
    for first, again, other in (kids, inception_scores):
        assert first == again
        assert first != other


def test_fid_is_pytorch_fids_of_the_same_features() -> None:
    fid_score = pytest.importorskip("pytorch_fid.fid_score", reason="the extra dev is not installed")
    real, fake = normal(600, 32), normal(500, 32, seed=1, scale=1.2, shift=0.5)
    (mean, covariance), (other, others) = (
        (part.double().mean(0).numpy(), np.cov(part.double().numpy(), rowvar=False)) for part in (real, fake)
    )
    expected = fid_score.calculate_frechet_distance(mean, covariance, other, others)
    assert frechet_distance(Moments.of(real), fake) == pytest.approx(float(expected), rel=1e-6)


def test_kid_is_torch_fidelitys_of_the_same_features() -> None:
    """One subset of all features, so that no random choice differs."""
    kid = pytest.importorskip("torch_fidelity.metric_kid", reason="the extra inception is not installed")
    real, fake = normal(300, 32), normal(300, 32, seed=1, shift=0.5)
    theirs = kid.kid_features_to_metric(real.double(), fake.double(), kid_subsets=1, kid_subset_size=300, verbose=False)
    assert kernel_distance(real, fake, seed=0)[0] == pytest.approx(theirs[kid.KEY_METRIC_KID_MEAN], rel=1e-6)


def test_cmmd_by_hand_and_by_torch_fidelitys_kernel() -> None:
    """Of one image each, at a right angle: 1000 (1 + 1 - 2 exp(-2 / 200))."""
    east, north = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 0.5]])
    assert scores.gaussian_discrepancy(east, north) == pytest.approx(2000 * (1 - np.exp(-0.01)))
    assert scores.gaussian_discrepancy(east, 7 * east) == pytest.approx(0, abs=1e-9)
    kid = pytest.importorskip("torch_fidelity.metric_kid", reason="the extra inception is not installed")
    real, fake = (
        torch.nn.functional.normalize(part.double()).numpy() for part in (normal(200, 8), normal(200, 8, 1, shift=1.0))
    )
    kernels = (kid.kernel_rbf(a, b, kid_kernel_rbf_sigma=10.0) for a, b in ((real, real), (real, fake), (fake, fake)))
    expected = 1000 * kid.mmd2(*kernels, mmd_est="biased")
    found = scores.gaussian_discrepancy(torch.from_numpy(real), torch.from_numpy(fake))
    assert found == pytest.approx(float(expected), rel=1e-6)
