"""Differences between setups, held against the spread of their seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import mean

from scipy import stats

from gan_lab.evaluation.groups import Group
from gan_lab.metrics.titles import title

LEVEL = 0.05  # below which a difference counts
FEW = (
    "One run of a setup doesn't tell its spread: whether differences are larger is not known. Train more seeds: "
    "-m seed=1,2,3"
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference of a setup from the best one.

    Args:
        setup: name of the setup.
        best: name of the best.
        by: its mean less that of the best, in the score's own unit.
        p: chance of so large a difference, or a larger one, among setups that are equally good, after Holm's
            correction; None where one of the two has a single run.
    """

    setup: str
    best: str
    by: float
    p: float | None

    @property
    def counts(self) -> bool | None:
        """True where the difference is larger than the seeds' spread explains; None where that is not known."""
        return None if self.p is None else self.p < LEVEL


def from_the_best(groups: Sequence[Group], score: str) -> list[Difference]:
    """Compare each setup with the best by Welch's t-test of their runs' scores.

    Welch 1947 (doi:10.1093/biomet/34.1-2.28): the spreads of the two may differ. Several setups are several chances of
    a difference by luck, so p is corrected by Holm 1979. Of two or three seeds the test sees large differences only.

    Args:
        groups: setups, the best first; those without the score, or with values that aren't finite, are passed over.
        score: name of the score.
    """
    known = [(group.name, values) for group in groups if (values := values_of(group, score))]
    if len(known) < 2:
        return []
    (best, reference), *others = known
    found = [
        Difference(setup=name, best=best, by=mean(values) - mean(reference), p=welch(values, reference))
        for name, values in others
    ]
    return holm(found)


def values_of(group: Group, score: str) -> list[float]:
    """Scores of the runs of a setup; none where a run lacks the score."""
    values = [member.scores.values.get(score, float("nan")) for member in group.members]
    return values if all(map(isfinite, values)) else []


def welch(first: Sequence[float], second: Sequence[float]) -> float | None:
    """The p of Welch's t-test of equal means, from both sides; None for fewer than two values on a side."""
    if min(len(first), len(second)) < 2:
        return None
    if len(set(first)) == len(set(second)) == 1:  # no spread at all
        return 1.0 if first[0] == second[0] else 0.0
    return float(stats.ttest_ind(first, second, equal_var=False).pvalue)


def holm(found: Sequence[Difference]) -> list[Difference]:
    """Correct several p for their number: the smallest by all, the next by one less, none below an earlier one."""
    known = sorted((each.p, index) for index, each in enumerate(found) if each.p is not None)
    corrected = [*found]
    highest = 0.0
    for place, (p, index) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - place)))
        corrected[index] = replace(found[index], p=highest)
    return corrected


def in_words(found: Sequence[Difference], score: str) -> list[str]:
    """Lines that say which setups differ from the best, and by what test."""
    if not found:
        return []
    name, shown = title(score).text, title(score).value
    sure = [each for each in found if each.counts]
    unsure = [each for each in found if each.counts is False]
    lines = []
    if sure:
        named = ", ".join(f"{each.setup} by {shown(abs(each.by))} (p = {each.p:.2g})" for each in sure)
        lines.append(f"{name} is better in {found[0].best}, by more than the seeds' spread, than in: {named}.")
    if unsure:
        named = ", ".join(f"{each.setup} (p = {each.p:.2g})" for each in unsure)
        lines.append(f"{name} of {found[0].best} is no better, for all that the seeds tell, than of: {named}.")
    if sure or unsure:
        lines.append(f"Welch's t-test over runs, Holm's correction for {len(sure) + len(unsure)}, level {LEVEL}.")
    if any(each.p is None for each in found):
        lines.append(FEW)
    return lines
