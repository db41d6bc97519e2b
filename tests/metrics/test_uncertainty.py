from collections.abc import Callable

import pytest
import torch

from gan_lab.metrics import uncertainty
from gan_lab.metrics.scores import Gaussian, Moments, frechet_distance
from gan_lab.metrics.uncertainty import fid_infinity, fid_interval
from tests.metrics.test_scores import normal


def test_moments_know_mean_and_covariance() -> None:
    features = normal(50)
    moments = Moments.of(features)
    assert torch.allclose(moments.mean, features.double().mean(0))
    assert torch.allclose(moments.covariance, features.double().T.cov())


def test_the_bias_of_few_images_is_gone_at_infinity() -> None:
    """Two sets of one distribution have FID 0 in truth; that of 400 images is far above."""
    real, fake = normal(100_000), normal(400, seed=1)
    few = frechet_distance(Moments.of(real), fake)
    many = frechet_distance(Moments.of(real), normal(100_000, seed=2))
    assert abs(fid_infinity(Moments.of(real), fake, 0) - many) < few / 2


def put_in_place_of_fid(monkeypatch: pytest.MonkeyPatch, function: Callable[[int], float]) -> None:
    """Have FID be a function of the number of generated images."""
    monkeypatch.setattr(Gaussian, "of", lambda images: Gaussian(torch.empty(0), images))
    monkeypatch.setattr(Gaussian, "distance", lambda _, fake: function(len(fake.factor)))


def test_an_exact_line_is_continued_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where FID of n images is 3 + 70 / n, that of infinitely many is 3."""
    put_in_place_of_fid(monkeypatch, lambda count: 3 + 70 / count)
    assert fid_infinity(Moments.of(normal(50)), normal(200), 0) == pytest.approx(3)


def test_the_sizes_are_those_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    put_in_place_of_fid(monkeypatch, lambda count: asked.append(count) or 1.0)
    fid_infinity(Moments.of(normal(50, 2)), normal(12_000, 2), 0)
    assert (len(asked), asked[0], asked[-1]) == (15, 5000, 12_000)
    asked.clear()
    fid_infinity(Moments.of(normal(50, 2)), normal(1000, 2), 0)
    assert (asked[0], asked[-1]) == (500, 1000)


def test_the_interval_is_as_wide_as_the_spread_of_new_images() -> None:
    real = Moments.of(normal(20_000, 8))
    fids = torch.tensor([frechet_distance(real, normal(500, 8, seed=10 + s, shift=1.0)) for s in range(60)])
    low, high = fid_interval(real, normal(500, 8, seed=1, shift=1.0), 0)
    assert low < frechet_distance(real, normal(500, 8, seed=1, shift=1.0)) < high
    assert (high - low) / 2 / uncertainty.QUANTILE == pytest.approx(float(fids.std()), rel=0.4)


def test_the_same_seed_gives_the_same_interval() -> None:
    real, fake = Moments.of(normal(500, 8)), normal(100, 8, seed=1)
    state = torch.get_rng_state()
    assert fid_interval(real, fake, 0) == fid_interval(real, fake, 0)
    assert torch.equal(torch.get_rng_state(), state)
