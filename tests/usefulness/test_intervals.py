from math import sqrt

import pytest
from scipy import stats

from gan_lab.usefulness.intervals import Interval, of_differences, quantile


def test_the_interval_of_three_values_as_worked_by_hand() -> None:
    # Mean 2, standard deviation 1, two degrees of freedom: 4.3027 * 1 / sqrt(3) = 2.4841.
    found = Interval.of([1.0, 2.0, 3.0])
    assert (found.mean, found.count) == (2.0, 3)
    assert found.half == pytest.approx(2.4841, abs=1e-4)


def test_one_value_has_no_interval() -> None:
    assert Interval.of([0.7]) == Interval(0.7, None, 1)
    assert Interval.of([0.7]).sign == 0


@pytest.mark.parametrize("degrees", [1, 2, 5, 29, 30, 31, 200])
def test_the_quantiles_are_those_of_an_independent_computation(degrees: int) -> None:
    assert quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=5.1e-4)


@pytest.mark.parametrize(("degrees", "published"), [(1, 12.706), (2, 4.303), (10, 2.228), (30, 2.042), (60, 2.000)])
def test_the_quantiles_are_those_of_a_published_table(degrees: int, published: float) -> None:
    assert quantile(degrees) == pytest.approx(published, abs=5.1e-4)


def test_many_values_take_the_normal_quantile() -> None:
    assert quantile(1_000_000) == pytest.approx(stats.norm.ppf(0.975), abs=1e-4)


def test_differences_are_taken_seed_by_seed() -> None:
    # All values differ by about 0.5 between seeds, and by 0.1 +- 0.01 from their references.
    found = of_differences([0.21, 0.70, 1.19], [0.10, 0.60, 1.10])
    assert found.mean == pytest.approx(0.1)
    assert found.half == pytest.approx(4.302653 * 0.01 / sqrt(3))
    assert found.sign == 1
    assert Interval.of([0.21, 0.70, 1.19]).sign == 0


def test_the_sign_says_where_all_of_an_interval_lies() -> None:
    assert [Interval(mean, 1.0, 3).sign for mean in (-1.5, -0.5, 0.5, 1.5)] == [-1, 0, 0, 1]
    assert Interval(1.0, 1.0, 3).sign == 0
