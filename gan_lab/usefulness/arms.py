"""Arms of a study: the ways to train a classifier, what each is compared with, and the options that name them.

- Real images: "real"; augmented in the classical way: "classical";
- with a starved class, its images repeated until it has as many as the others: "repeated", "repeated, classical";
- real and generated images: "generated"; both, all augmented in the classical way: "both";
- generated images alone: "alone".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gan_lab.usefulness.filters import Filter

# By the arm's name, the arm that it is fairly compared with.
REFERENCES = {
    "classical": "real",
    "repeated": "real",
    "repeated, classical": "classical",
    "generated": "real",
    "both": "classical",
    "alone": "real",
}
Source = Literal["train", "run"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a study.

    Args:
        real: rows, numbers of real images of each class; None takes all.
        generated: numbers of generated images for each real one, or, with a starved class, for each that it lacks; 0
            stands for the classifiers of real images, which there are anyway.
        seeds: of the choice of real images, the generators and the classifiers.
        steps: batches of each classifier.
        batch_size: of each classifier.
        generator: "train" trains a generator for each row; "run" takes the run's own, if it has seen just that row.
        generator_steps: batches of each generator; None takes as many as the run's.
        starve: classes by name or number, with the number of images that are left of them.
        filters: of generated images.
        mirror: whether classical augmentation mirrors; None does so where the run trains on mirror images.
        ema: whether generators' moving averages draw.
        device: of classifiers and drawn images; "cpu" holds for the training of generators as well.
        data_root: folder of the dataset, where it has moved.
    """

    real: Sequence[int | None]
    generated: Sequence[int]
    seeds: Sequence[int] = (1, 2, 3)
    steps: int = 500
    batch_size: int = 64
    generator: Source = "train"
    generator_steps: int | None = None
    starve: Sequence[tuple[str, int]] = ()
    filters: Sequence[Filter] = ("none",)
    mirror: bool | None = None
    ema: bool = True
    device: str = "auto"
    data_root: str | None = None


@dataclass(frozen=True)
class Arm:
    """One way to train a classifier.

    Args:
        name: one of "real" and the keys of `REFERENCES`.
        generated: images for each real one.
        filter: of the generated images.
    """

    name: str
    generated: int = 0
    filter: Filter = "none"

    @property
    def augment(self) -> bool:
        """Tell if images are augmented in the classical way."""
        return self.name in ("classical", "repeated, classical", "both")


def arms_of(options: Options) -> Iterator[Arm]:
    """The ways to train a classifier, those without generated images first."""
    for name in ("real", "classical", *(["repeated", "repeated, classical"] if options.starve else [])):
        yield Arm(name)
    for chosen in options.filters:
        for generated in sorted({count for count in options.generated if count}):
            for name in ("generated", "both", "alone"):
                yield Arm(name, generated, chosen)


def repeated(labels: Tensor, starved: Sequence[int]) -> Tensor:
    """Indices of all images, with those of starved classes repeated until each has as many as the largest class."""
    most = int(labels.bincount().max())
    parts = [torch.arange(len(labels))]
    for label in starved:
        places = (labels == label).nonzero()[:, 0]
        if len(places):
            more = most - len(places)
            parts.append(places.repeat(-(-more // len(places)))[:more])
    return torch.cat(parts)
