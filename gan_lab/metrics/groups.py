"""Groups of scores that are computed together, and the names of the scores in each."""

from collections.abc import Collection, Iterable
from typing import Literal, get_args

Group = Literal[
    "fid",
    "kid",
    "inception_score",
    "manifold",
    "classes",
    "fid_infinity",
    "fid_interval",
    "class_manifold",
    "class_halves",
    "memorisation",
    "spectrum",
    "cmmd",
    "path_length",
]
ALL_GROUPS: tuple[Group, ...] = get_args(Group)
GROUPS: tuple[Group, ...] = ALL_GROUPS[:5]  # without a choice
OF_MOMENTS: tuple[Group, ...] = ("fid", "inception_score", "fid_infinity", "fid_interval")  # need no real features
OF_TRANSLATIONS: tuple[Group, ...] = ("fid", "kid", "manifold")  # need no classes, and not many images of each
# Scores by the group that has them, without numbers that only stand beside another.
NAMES: dict[Group, tuple[str, ...]] = {
    "fid": ("fid",),
    "kid": ("kid",),
    "inception_score": ("inception_score",),
    "manifold": ("precision", "recall", "density", "coverage"),
    "classes": ("modes", "class_kl", "class_accuracy", "class_fid"),
    "fid_infinity": ("fid_infinity",),
    "fid_interval": (),
    "class_manifold": ("class_precision", "class_recall", "class_density", "class_coverage"),
    "class_halves": (),
    "memorisation": ("authenticity", "copying"),
    "spectrum": ("spectrum_error", "spectrum_high"),
    "cmmd": ("cmmd",),
    "path_length": ("path_length", "ppl"),
}
OF_REQUESTS = {"class_accuracy", "class_fid"}  # need classes that were asked for
OF_PAIRS = ("psnr", "mae", "ssim", "lpips", "mae_units")  # of a translation and its right answer
OF_THE_WAY_BACK = "cycle_error"


def names(groups: Iterable[Group]) -> list[str]:
    """Names of the scores that groups have."""
    return [name for group in groups for name in NAMES[group]]


def group_of(name: str) -> Group | None:
    """The group that a score belongs to, in any direction; None for a score of no group."""
    return next((group for group, own in NAMES.items() if name.rpartition("/")[2] in own), None)


def may_be_computed(model: object, data: object, groups: Collection[Group]) -> list[str]:
    """Names of scores that there may be of a model; the extractor and the number of images decide on some of them.

    Args:
        model: that generates from noise, or translates.
        data: a data module; `paired` tells that translations have right answers.
        groups: of scores.
    """
    directions = list(getattr(model, "directions", ()))
    if not hasattr(model, "translate"):
        asked = bool(model.make_condition(1))  # type: ignore[attr-defined]
        return [name for name in names(groups) if asked or name not in OF_REQUESTS]
    of_each = names(group for group in groups if group in OF_TRANSLATIONS)
    of_each += OF_PAIRS if getattr(data, "paired", False) else ()
    if len(directions) == 1:
        return of_each
    mean_of_both = ["fid"] if "fid" in of_each else []
    return [*mean_of_both, *(f"{name}/{score}" for name in directions for score in of_each), OF_THE_WAY_BACK]
