"""Filters of generated images, as papers use them: twice as many are drawn, and some of them are kept."""

from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from gan_lab.metrics.classifier import Classifier
from gan_lab.usefulness.copies import Copies
from gan_lab.usefulness.learner import probabilities, unit

Filter = Literal["none", "discriminator", "confidence", "neighbours"]
FILTERS: tuple[Filter, ...] = get_args(Filter)
DRAWN = 2  # times as many as are wanted, for a filter to choose from


class Source(Protocol):
    """The part of a generator that filters need."""

    def of_class(self, label: int, count: int) -> Tensor:
        """The first images of a class, uint8 (count, channels, height, width)."""

    def logits(self, drawn: Tensor, label: int) -> Tensor:
        """The discriminator's logit of each image, (n,)."""

    def without_border(self, drawn: Tensor) -> Tensor:
        """Images as the dataset's own are."""


def kept(
    source: Source, label: int, wanted: int, chosen: Filter, classifier: Classifier | None, copies: Copies
) -> Tensor:
    """Generated images of a class that a filter keeps.

    - "none" keeps the images as they come.
    - "discriminator" keeps the half with the higher logits (a form of discriminator rejection, Azadi et al. 2019,
      arXiv:1810.06758, without its calibration).
    - "confidence" keeps the half that a classifier of the row's real images takes for this class with more confidence.
    - "neighbours" leaves out copies of training images, and so keeps fewer where most are copies.

    Args:
        source: of the images.
        label: of the class.
        wanted: number of images.
        chosen: the filter.
        classifier: trained on the row's real images alone; None where the filter needs none.
        copies: finds copies of the row's real images.

    Returns:
        Images uint8 (wanted or less, channels, height, width), without a border.
    """
    if chosen == "none":
        return source.without_border(source.of_class(label, wanted))
    drawn = source.of_class(label, DRAWN * wanted)
    images = source.without_border(drawn)
    if not wanted:
        return images
    if chosen == "neighbours":
        return images[~copies.are(images)][:wanted]
    if chosen == "discriminator":
        worth = source.logits(drawn, label)
    else:
        assert classifier is not None
        worth = probabilities(classifier, unit(images))[:, label]
    best = worth.sort(descending=True, stable=True).indices[:wanted]
    return images[best.sort().values]


def all_kept(
    source: Source, wanted: list[int], chosen: Filter, classifier: Classifier | None, copies: Copies
) -> tuple[Tensor, Tensor]:
    """Generated images of all classes with their labels (n,); `wanted` is their number by label, else as `kept`."""
    parts = [kept(source, label, count, chosen, classifier, copies) for label, count in enumerate(wanted)]
    labels = torch.cat([torch.full((len(part),), label) for label, part in enumerate(parts)])
    return torch.cat(parts), labels
