"""The options and the decoding that folders of images share where they are translated."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_lab.data import layouts, listing, places, values
from gan_lab.data.augment import Jitter, augmentation
from gan_lab.data.decoded import Decoded, Decoder
from gan_lab.data.image_files import BACKGROUND, Fit, Half
from gan_lab.data.layouts import Domain
from gan_lab.data.sources import Axis, Source
from gan_lab.data.two_sided import TwoSidedDataModule
from gan_lab.utils.batches import LabelledImages, Sides
from gan_lab.utils.depth import Depth, Kind, Limits
from gan_lab.utils.errors import UserError
from gan_lab.utils.sizes import height_and_width
from gan_lab.utils.types import CachePath, ImageSize, Share


class FolderImages(TwoSidedDataModule[Sides]):
    """Base of two-sided datasets of images in folders, brought to one size by `image_files.read`.

    Args:
        test_fraction: fraction of the files that forms the test split; 0.1 is every tenth. None is that where the
            folder has no test split of its own (`listing.find_splits`), and must be None where it has.
        split_by: regular expression; files whose names have the same match are all for training or all for testing.
            The name is the path in the folder without the extension, so that other folders have the same test files.
        cache: folder for decoded images that don't fit into memory.
        window: pixel values that become black and white; None keeps 8 bits as they are, and stretches the range that
            all training files of a side with wider pixels have together.
        background: colour that transparent pixels are laid over, and of what `fit="pad"` adds.
        fit: how pictures get the shape of `image_size`: "crop", "pad" or "stretch", as of `image_files.read`.
        load_size: of the training images, of which random crops of `image_size` are trained on; None for that.
        mirror: True mirrors half of the training images.
        jitter: largest relative changes of brightness, contrast and saturation of a training image; None for none.
        depth: 8 bits, 16, or "float": the values that images are kept with.
        axis: of volumes in medical files, along which they are cut into images.

    Raises:
        ValueError: the options don't go together.
    """

    def __init__(
        self,
        *,
        test_fraction: Share | None,
        split_by: str | None = None,
        cache: CachePath,
        window: Limits | None = None,
        background: str = BACKGROUND,
        fit: Fit = "crop",
        load_size: ImageSize | None = None,
        mirror: bool = False,
        jitter: Jitter | None = None,
        depth: Kind = 8,
        axis: Axis = 2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.axis: Axis = axis
        self.augmentation = augmentation(self.image_size, load_size=load_size, mirror=mirror, jitter=jitter)
        self.load_size = height_and_width(load_size) if load_size else self.image_size
        self.test_fraction = test_fraction
        try:
            self.split_by = None if split_by is None else re.compile(split_by)
        except re.error as error:
            raise ValueError(f"data.split_by={split_by}: no regular expression, {error}") from error
        self._form: dict[str, Any] = {"cache": cache, "window": window, "background": background, "fit": fit}
        self._form["depth"] = depth
        self.decoders: dict[str, Decoder] = {}  # by side
        self.labels: dict[Path, int] = {}  # by file, of the class that its folder names

    def _decode_as(self, side: str, channels: int, source: Source, half: Half | None = None) -> None:
        """Decide the form of the images of a side; errors as of `Decoder`.

        Raises:
            ValueError: colours are to be changed of images that have none, or have more than 8 bits.
        """
        if self.augmentation and self.augmentation.jitter and values.needed(self._form["depth"], channels):
            raise ValueError("data.jitter changes colours of 8 bits: leave it out, or data.depth and other channels")
        self.decoders[side] = Decoder(size=self.image_size, channels=channels, half=half, source=source, **self._form)

    def depth(self, side: int = 0) -> Depth:
        """The depth of the images of a side; errors as of `Decoder.depth`."""
        return [*self.decoders.values()][side].depth

    def _decoder(self, side: str, split: str) -> Decoder:
        return self.decoders[side].at(self._stored_size(split))

    def _split(self, domain: Domain, places: list[Path]) -> tuple[list[Path], list[Path]]:
        """The training and the test files among some of a domain, whose labels are known from then on.

        Raises:
            UserError: the folder has a test split of its own, and options ask for another.
        """
        classes = [layouts.class_of(name) for name in domain.names(places)]
        order = {name: label for label, name in enumerate(listing.in_natural_order(set(classes)))}
        self.labels |= {domain.files[place]: order[name] for place, name in zip(places, classes, strict=True)}
        train, test, _ = listing.find_splits(
            domain.root, places, self.test_fraction, lambda level, line: self._note(level, domain.prefix + line)
        )
        if test is None:
            keys = self.split_by and [self._key(name) for name in domain.names(train)]
            return listing.split_files(train, self.test_fraction, keys)
        if self.split_by:
            raise UserError(
                f"data.split_by={self.split_by.pattern}: {domain.root} has test images of its own; leave the option out"
            )
        return train, test

    def _key(self, name: str) -> str:
        assert self.split_by
        match = self.split_by.search(name)
        return (match and match[0]) or name

    def _decode(self, side: str, root: Path, files: list[Path], split: str, *, quiet: bool = False) -> Decoded:
        """Decode the files of one side; errors as of `Decoder.load`.

        Raises:
            UserError: there are none.
        """
        if not files:
            share = "" if self.test_fraction is None else f"data.test_fraction={self.test_fraction}: "
            raise UserError(f"{share}no image of {root} is left for the {split} split")
        return self._decoder(side, split).load(
            root, files, processes=self._processes_here, quiet=quiet or self._rank > 0, say=self._note
        )

    def _labelled(self, decoded: Decoded, files: list[Path]) -> LabelledImages:
        """Decoded images of files with the labels of their classes; 0 where no folder names any."""
        return decoded.labelled([self.labels[file] for file in files])

    def _windows(self) -> dict[str, object]:
        """The windows in use, for the run's record; nothing where pixels have 8 bits."""
        windows = {side: decoder.window.limits for side, decoder in self.decoders.items()}
        if not any(windows.values()):
            return {}
        return {"window": {side: limits and list(limits) for side, limits in windows.items()}}


def existing_sources(root: str | None, options: Mapping[str, str | None], axis: Axis) -> list[Source]:
    """The folders or archives of two sides: one each, or the root alone, which holds both.

    Raises:
        UserError: one is missing, or none that images are read from.
        ValueError: the options name neither.
    """
    given = [name for name, path in options.items() if path is not None]
    if (len(given) < len(options)) if root is None else given:
        raise ValueError(f"set {' and '.join(options)}, or data.root alone, to a folder that holds both")
    named = {"data.root": root} if root is not None else options
    return [places.at(str(path), name, axis) for name, path in named.items()]
