"""The cost of scores is that of the times given."""

import pytest

from benchmarks import quality


def test_scores_cost_their_median_over_that_of_the_batches_between_them() -> None:
    # A batch takes 1 s, the second one 3 s. A score comes every second batch: of 9 s to warm up, then of 2, 4 and 8.
    before = [1.0, 4.0, 14.0, 15.0, 18.0, 19.0, 24.0, 25.0]
    after = [1.0, 13.0, 14.0, 17.0, 18.0, 23.0, 24.0, 33.0]
    cost = quality.share_of(before, after, 2, batches=100, scores=10)
    assert cost == quality.Share(batch=1.0, score=4.0, batches=100, scores=10)
    assert cost.of_training == pytest.approx(0.4)
