"""Classes of two sets of images, brought together by their names."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gan_lab.metrics.real_images import RealImages

NAMED = 5  # classes that a message names


class Match(NamedTuple):
    """The classes of one set as those of another.

    Args:
        labels: of the other set, by the label of the first, int64 (classes,); None where the classes don't match.
        said: of how many classes, or why of none.
    """

    labels: Tensor | None
    said: str


def of_run(described: Mapping[str, Any], model: Any) -> list[str] | None:
    """Names of the classes that a model is asked for, by label; None of one that takes none.

    Args:
        described: the data in the run's record.
        model: that generates from noise.
    """
    if not model.make_condition(1):
        return None
    return [*map(str, described.get("classes") or range(model.num_classes))]


def of_dataset(real: RealImages) -> list[str] | None:
    """Names of the classes of a dataset by label; None where it has none."""
    if real.num_classes < 2:
        return None
    known: Any = real.data.describe().get("classes")
    return [*map(str, known or range(real.num_classes))]


def numbered(names: Sequence[str]) -> bool:
    """True for names that are the labels themselves: "0", "1", "2"."""
    return [*names] == [str(label) for label in range(len(names))]


def match(own: Sequence[str] | None, other: Sequence[str] | None, *, by_number: bool = False) -> Match:
    """Find the classes of one set among those of another.

    Args:
        own: names by label; None for images without classes.
        other: the same of the other set.
        by_number: take numbers for labels of the other set where they aren't its names.
    """
    if own is None or other is None:
        lacking = [side for side, names in (("the first set", own), ("the second", other)) if names is None]
        return Match(None, f"none: {' and '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} none")
    if {*own} == {*other} and len({*own}) == len(own) == len(other):
        return Match(torch.tensor([other.index(name) for name in own]), f"{len(own)}, by their names")
    if numbered(own) and (by_number or numbered(other)):
        return Match(torch.arange(len(own)), f"{len(own)}, by their numbers")
    only = [f"only the {side} set has {listed}" for side, listed in (
        ("first", _listed(own, other)), ("second", _listed(other, own))
    ) if listed]  # fmt: skip
    return Match(None, f"none: {' and '.join(only) or 'names come twice'}")


def _listed(names: Sequence[str], without: Sequence[str]) -> str:
    rest = [name for name in names if name not in without]
    return ", ".join(rest[:NAMED]) + (f" and {len(rest) - NAMED} more" if len(rest) > NAMED else "")
