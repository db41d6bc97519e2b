"""Sets of images from anywhere, as real images that others are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from gan_lab.config.saved_config import own_cache
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.moment_files import SPLIT as OF_FILE
from gan_lab.metrics.moment_files import Gaussian
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.statistics import UNKNOWN, RealStatistics, real_statistics
from gan_lab.utils import hashes
from gan_lab.utils.batches import LabelledImages

NO_BORDER = (1 << 30, 1 << 30)  # pixels, of which no image has a few more
GIVEN = "given"  # in place of the split of a dataset


@dataclass
class Shown:
    """The part of a data module that scores need, for images of any origin.

    Args:
        name: of the images.
        image_size: their height and width.
        native_size: the same; `NO_BORDER` where no border is to be looked for.
        channels: 1 or 3.
        num_classes: number of classes, 0 without labels.
        splits: one, "given".
        eval_split: that one.
        classes: their names by label; None where they have no others.
        display: None, as images have one channel or three.
    """

    name: str
    image_size: tuple[int, int]
    native_size: tuple[int, int]
    channels: int
    num_classes: int
    splits: dict[str, LabelledImages] = field(default_factory=dict)
    eval_split: str = GIVEN
    classes: Sequence[str] | None = None
    display: Sequence[int] | None = None

    def setup(self, stage: str) -> None:
        """Load nothing: all is there."""

    def pictures(self, pixels: Tensor, side: int = 0) -> Tensor:
        """The images as they are."""
        return pixels

    def describe(self) -> dict[str, object]:
        """The name, the classes, and that it is no substitute."""
        return {"name": self.name, "classes": self.classes, "substitute": False}


class ImageSet(RealImages):
    """Images that others are compared with. They are training images, as far as memorisation goes.

    Args:
        images: uint8, shape (n, 1 or 3, height, width).
        labels: int64, shape (n,), or None.
        name: of the images.
        classes: names by label; None where they are the labels.
    """

    has_training = False

    def __init__(self, images: Tensor, labels: Tensor | None, name: str, classes: Sequence[str] | None = None) -> None:
        size = (images.shape[-2], images.shape[-1])
        known = torch.full((len(images),), UNKNOWN) if labels is None else labels
        super().__init__(
            Shown(
                name=name,
                image_size=size,
                native_size=size,
                channels=images.shape[1],
                num_classes=0 if labels is None else max(int(labels.max()) + 1, len(classes or ())),
                classes=classes,
                splits={GIVEN: LabelledImages(images, known)},
            ),
            own_cache(Path(name)),
        )
        self.labels = labels

    def load(self, split: str, at_most: int | None = None) -> LabelledImages:
        """Load the images and their labels, -1 where they have none; any split is all of them."""
        images, labels = self.data.splits[GIVEN]
        return LabelledImages(images[:at_most], labels[:at_most])

    def statistics(self, extractor: Extractor, split: str, at_most: int | None = None) -> RealStatistics:
        """Compute the statistics; none are kept."""
        images, labels = self.load(split, at_most)
        found = real_statistics(images, labels, extractor, split=GIVEN, cache_folder=None)
        return replace(found, data=hashes.of_tensors(images))  # whether labels are used depends on the other set


class FixedStatistics(RealImages):
    """Mean and covariance from a file in place of images: FID alone can be computed.

    Args:
        gaussian: of the file.
        file: its path.
        channels: of the images that are compared.
        size: of these, height and width.
    """

    has_training = False

    def __init__(self, gaussian: Gaussian, file: Path, *, channels: int, size: tuple[int, int]) -> None:
        shown = Shown(name=str(file), image_size=size, native_size=NO_BORDER, channels=channels, num_classes=0)
        super().__init__(shown, own_cache(file))
        shown.eval_split = OF_FILE
        self.gaussian = gaussian

    def statistics(self, extractor: Extractor, split: str, at_most: int | None = None) -> RealStatistics:
        """The statistics of the file; errors as of `Gaussian.statistics`."""
        return self.gaussian.statistics(extractor)


def describe(real: ImageSet | FixedStatistics) -> str:
    """A line on the set: "10,000 of samples.zip", "statistics of 50,000 images in cifar10.npz"."""
    if isinstance(real, FixedStatistics):
        count = real.gaussian.count
        return f"statistics of {f'{count:,}' if count else 'an unknown number of'} images in {real.name}"
    images, _ = real.load(GIVEN)
    return f"{len(images):,} of {real.name}, sha256 {hashes.of_tensors(images)[:8]}"
