"""The real images of a row of the table: so many of each class, or fewer of one that is starved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_lab.utils import seeding
from gan_lab.utils.errors import UserError


@dataclass(frozen=True)
class Row:
    """The number of real images.

    Args:
        each: of each class; None takes all that there are.
        starved: fewer for some classes, by label.
    """

    each: int | None
    starved: tuple[tuple[int, int], ...] = ()

    @property
    def name(self) -> str:
        """A short name, for files too: "50", "all", "200-8x10"."""
        fewer = "".join(f"-{label}x{count}" for label, count in self.starved)
        return f"{'all' if self.each is None else self.each}{fewer}"

    def wanted(self, there: Sequence[int]) -> list[int]:
        """The number of images of each class, where so many are there."""
        fewer: Mapping[int, int] = dict(self.starved)
        return [fewer.get(label, count if self.each is None else self.each) for label, count in enumerate(there)]


def choose(labels: Tensor, row: Row, classes: Sequence[str], seed: int) -> Tensor:
    """The indices of a row's real images, ascending, int64 (n,).

    A seed draws an order of each class, and a row takes the first of it: a larger row has the images of a smaller one.

    Args:
        labels: of all training images, int64 (n,).
        row: how many to take.
        classes: the names of the classes by label.
        seed: of the choice.

    Raises:
        UserError: a class has fewer.
    """
    there = labels.bincount(minlength=len(classes)).tolist()
    chosen = []
    for label, count in enumerate(row.wanted(there)):
        if count > there[label]:
            option = f"--starve {classes[label]}={count}" if label in dict(row.starved) else f"--real {row.each}"
            raise UserError(
                f"{option}: class {classes[label]} has only {there[label]:,} training images; ask for fewer"
                + ("" if label in dict(row.starved) else ", or for all of each class with --real all")
            )
        places = (labels == label).nonzero()[:, 0]
        chosen.append(places[seeding.permutation(len(places), seeding.derive(seed, "real", label))[:count]])
    return torch.cat(chosen).sort().values
