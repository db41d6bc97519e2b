import math

import pytest

from gan_lab.evaluation.differences import Difference, from_the_best, holm, in_words, values_of, welch
from gan_lab.evaluation.groups import Group
from gan_lab.evaluation.run_scores import ScoredRun
from gan_lab.runs.run import Run
from tests.evaluation.conftest import scores


def group(name: str, *fids: float) -> Group:
    return Group(name, [ScoredRun(Run(f"{name}{seed}"), scores({"fid": fid}, 640)) for seed, fid in enumerate(fids)])


def test_welchs_test_by_hand() -> None:
    """Means 2 and 7, variances 1 and 4, three runs each: t = 5 / sqrt(5 / 3), 2.94 degrees of freedom.

    Of Student's distribution with these, 3.873 and more on either side have a chance of 3.14 %.
    """
    freedom = (1 / 3 + 4 / 3) ** 2 / ((1 / 3) ** 2 / 2 + (4 / 3) ** 2 / 2)
    assert freedom == pytest.approx(2.94, abs=0.005)
    assert welch([1, 2, 3], [5, 7, 9]) == pytest.approx(0.0314, abs=0.001)


def test_without_seeds_nothing_is_claimed() -> None:
    assert welch([1.0], [2.0, 3.0]) is None
    assert (welch([1.0, 1.0], [1.0, 1.0]), welch([1.0, 1.0], [2.0, 2.0])) == (1, 0)
    found = from_the_best([group("a", 1.0), group("b", 2.0, 3.0)], "fid")
    assert [each.counts for each in found] == [None]
    assert in_words(found, "fid")[-1].startswith("One run of a setup doesn't tell its spread")


def test_several_comparisons_are_corrected_by_holm() -> None:
    """0.01, 0.04 and 0.03, of three: 0.03, then 0.06, and no less for what comes behind it."""
    found = [Difference(setup=str(p), best="a", by=1.0, p=p) for p in (0.01, 0.04, 0.03)]
    assert [each.p for each in holm(found)] == pytest.approx([0.03, 0.06, 0.06])
    assert [each.p for each in holm([*found, Difference(setup="x", best="a", by=1.0, p=None)])][3] is None


def test_setups_of_one_name_keep_a_p_each() -> None:
    """Setups that differ in the images seen alone have the same name."""
    found = [Difference(setup="a", best="b", by=1.0, p=p) for p in (0.01, 0.6)]
    assert [each.p for each in holm(found)] == pytest.approx([0.02, 0.6])


def test_each_setup_is_held_against_the_best() -> None:
    groups = [group("best", 1.0, 1.1, 0.9), group("same", 1.1, 0.8, 1.3), group("worse", 5.0, 5.1, 4.9)]
    near, far = from_the_best(groups, "fid")
    assert (near.setup, near.best, near.counts) == ("same", "best", False)
    assert (far.by, far.counts) == (pytest.approx(4), True)
    better, no_better, test = in_words([near, far], "fid")
    assert better.startswith("FID is better in best, by more than the seeds' spread, than in: worse by 4.000 (p = ")
    assert no_better.startswith("FID of best is no better, for all that the seeds tell, than of: same (p = ")
    assert test == "Welch's t-test over runs, Holm's correction for 2, level 0.05."


def test_setups_without_the_score_are_passed_over() -> None:
    assert values_of(group("a", 1.0, math.nan), "fid") == []
    assert values_of(group("a", 1.0), "kid") == []
    assert from_the_best([group("a", 1.0, 2.0), group("b", math.nan)], "fid") == []
    assert in_words([], "fid") == []
