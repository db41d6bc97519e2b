import pytest
import scipy.stats
import torch

from gan_lab.metrics.copies import authenticity, cells, copying, rank_test
from tests.metrics.test_scores import normal


def test_authenticity_by_hand() -> None:
    """Training images at 0, 1 and 10: their nearest others are 1, 1 and 9 away.

    0.4 is nearer to 0 than 1 is: a copy. 3 is 2 away from 1, whose nearest is 1 away: none. 14 is 4 away from
    10: a copy.
    """
    training = torch.tensor([[0.0], [1.0], [10.0]])
    assert authenticity(training, torch.tensor([[0.4], [3.0], [14.0]])) == pytest.approx(1 / 3)


def test_copies_are_not_authentic() -> None:
    training = normal(500, 4)
    assert authenticity(training, training[:100] + 1e-4) == 0
    assert 0.3 < authenticity(training, normal(500, 4, seed=1)) < 0.8


def test_the_rank_test_is_scipys() -> None:
    generator = torch.Generator().manual_seed(0)
    sample = torch.randint(0, 50, (80,), generator=generator).double()
    reference = torch.randint(5, 50, (60,), generator=generator).double()
    pairs = scipy.stats.mannwhitneyu(sample.numpy(), reference.numpy()).statistic
    expected = (pairs - 80 * 60 / 2) / (80 * 60 * 141 / 12) ** 0.5
    assert rank_test(sample, reference) == pytest.approx(expected)


def test_copies_are_far_below_zero_and_new_images_near_it() -> None:
    training, held_out = normal(600, 4), normal(300, 4, seed=1)
    assert copying(training, held_out, training[:300] + 1e-3, 0) < -3
    assert abs(copying(training, held_out, normal(300, 4, seed=2), 0)) < 3
    assert copying(training, held_out, normal(300, 4, seed=2, shift=30.0), 0) > 3


def test_cells_are_the_clusters_that_there_are() -> None:
    centres = torch.arange(5)[:, None] * 100.0
    features = (centres[:, None] + normal(40, 1)[None]).flatten(0, 1)
    found = cells(features, 1)
    assert torch.equal(found, cells(features, 1))
    assert len(found) == 5
    assert all((found - centre).abs().min() < 60 for centre in centres)
