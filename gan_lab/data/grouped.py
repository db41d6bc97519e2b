"""Splits in which images of one group, such as a patient's, stay together."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from gan_lab.utils import seeding
from gan_lab.utils.errors import UserError

FOLDER = "folder"  # the rule by which folders are groups
COPIES = "copies"  # the rule by which images with the same pixels are a group


def held_out(groups: Sequence[str], share: float, purpose: str, strata: Sequence[str] | None = None) -> list[bool]:
    """Choose whole groups that are kept from training: those of about a share of the images.

    Groups come in an order that their names decide, and are taken while less than half of the next one is too much. So
    the share is missed by half a group at most where small groups are left. At least one is taken if there are two.

    Args:
        groups: of the images.
        share: of the images, from 0 to 1.
        purpose: of the choice; another one chooses others.
        strata: of the images, such as their classes: the share is that of each; a group counts for the one that most of
            its images have. None takes all as one, and so do strata of one group each, such as folders of patients.

    Returns:
        Whether an image is taken, for each.
    """
    strata = strata or [""] * len(groups)
    sizes, of_group = Counter(groups), defaultdict[str, Counter[str]](Counter)
    for group, stratum in zip(groups, strata, strict=True):
        of_group[group][stratum] += 1
    order = sorted(sizes, key=lambda group: seeding.derive(0, purpose, group))
    main = {group: min(counts, key=lambda stratum: (-counts[stratum], stratum)) for group, counts in of_group.items()}
    if len({*main.values()}) == len(main):
        main = dict.fromkeys(main, "")
    left: dict[str, float] = defaultdict(float)
    for group in order:
        left[main[group]] += share * sizes[group]
    taken = set()
    for group in order:
        if sizes[group] / 2 <= left[main[group]]:
            taken.add(group)
            left[main[group]] -= sizes[group]
    if share > 0 and not taken and len(order) > 1:
        taken.add(min(order, key=lambda group: sizes[group]))
    return [group in taken for group in groups]


def by_rule(rule: str, names: Sequence[str]) -> list[str]:
    """The group of each image, by a rule for names.

    Args:
        rule: "folder" for the first folder of a name, or a regular expression: names with the same match are a group.
        names: paths of the images without their ending, "patient1/scan/3". One without a folder, or a match, is a group
            of its own.

    Raises:
        UserError: the rule finds a group for none of the images, or is no regular expression.
    """
    if rule == FOLDER:
        found = [name.partition("/")[0] if "/" in name else None for name in names]
        if not any(found):
            raise UserError(f"data.groups={FOLDER}: no image lies in a folder that could be its group")
    else:
        try:
            pattern = re.compile(rule)
        except re.error as error:
            raise UserError(f"data.groups={rule}: no regular expression, {error}") from error
        matches = [pattern.search(name) for name in names]
        found = [match[0] if match and match[0] else None for match in matches]
        if not any(found):
            raise UserError(
                f"data.groups={rule}: is no column of data.labels and not {FOLDER}, and as a regular expression it "
                f"matches no name, such as {names[0]}"
            )
    return [group or name for group, name in zip(found, names, strict=True)]


def by_content(contents: Sequence[object], names: Sequence[str]) -> list[str]:
    """The group of each image, which is called after its first: those with the same content are a group.

    Args:
        contents: hashes of pixels, of each image; an error stands for an image that can't be read, on its own.
        names: of the images.
    """
    first: dict[object, str] = {}
    found = zip(contents, names, strict=True)
    return [name if isinstance(each, Exception) else first.setdefault(each, name) for each, name in found]


def refuse_shared(train: Sequence[str], test: Sequence[str], option: str) -> None:
    """Refuse splits of a folder's own that share groups.

    Raises:
        UserError: naming the option and one of the groups.
    """
    if shared := sorted({*train} & {*test}):
        more = f" and {len(shared) - 1:,} more" if len(shared) > 1 else ""
        raise UserError(
            f"{option}: {shared[0]}{more} is among the training and among the test images; move them to one side"
        )
