"""Photos in grey and in colour: pairs made on the fly, in Lab."""

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from gan_lab.data import lab, layouts, places
from gan_lab.data.folders import FolderImages
from gan_lab.data.paired import PairedDataModule
from gan_lab.utils.batches import LabelledImages, Pairs
from gan_lab.utils.depth import EIGHT, Depth
from gan_lab.utils.types import InputPath

LIGHTNESS, COLOUR = 1, 2  # channels: L; a and b


class Colourise(FolderImages[Pairs], PairedDataModule):
    """Pairs of the lightness L and the colours a and b (`lab`) of images of any format and size.

    The images are held in RGB, once: they are the source and the target of a split. A batch is converted on the device.

    Args:
        root: the folder of the images.
    """

    sides: ClassVar = {"source": "the photos", "target": "the photos"}

    def __init__(self, *, root: InputPath, **options: Any) -> None:
        super().__init__(**options)
        self.place = places.at(root, "data.root")
        self.root = self.place.root
        if self._form["depth"] != 8:
            raise ValueError(f"data.depth={self._form['depth']}: colours in Lab are those of 8 bits; leave it out")
        if self.channels != COLOUR:
            raise ValueError(f"data.channels is the number of colours in Lab, {COLOUR}, not {self.channels}")
        self.source_channels = LIGHTNESS
        self._decode_as("source", 3, self.place)
        self.damaged: dict[str, int] = {}  # number of files by split

    @cached_property
    def files(self) -> dict[str, list[Path]]:
        """The files of each split; errors as of `listing.find` and `FolderImages`."""
        domain = layouts.alone(self.place, self._note)
        train, test = self._split(domain, [*domain.files])
        self.decoders["source"].window.files = train
        return {"train": train, "test": test}

    def prepare_data(self) -> None:
        """List the folder, and decode images that don't fit into memory; once per machine."""
        files = self.files["train"]
        self._decoder("source", "train").prepare(self.root, files, processes=self._processes_here)

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load the images, uint8 RGB (n, 3, height, width), as sources and as targets, without damaged files.

        Raises:
            UserError: the split has no files, or only damaged ones.
        """
        decoded = self._decode("source", self.root, self.files[split], split)
        self.damaged[split] = len(decoded.damaged)
        photos = self._labelled(decoded, self.files[split])
        return photos, photos

    def on_after_batch_transfer(self, batch: Pairs, dataloader_idx: int) -> Pairs:  # type: ignore[override]
        """Convert photos, uint8 RGB, to L (n, 1, height, width) and a and b (n, 2, height, width) on the device."""
        converted = lab.from_rgb(batch.target)
        return Pairs(converted[:, :LIGHTNESS], converted[:, LIGHTNESS:])

    def depth(self, side: int = 0) -> Depth:
        """8 bits of both sides, which are the same photos."""
        return EIGHT

    def to_source(self, pixels: Tensor) -> Tensor:
        """The lightness (n, 1, height, width) of pictures in grey or RGB, uint8."""
        return lab.from_rgb(pixels)[:, :LIGHTNESS]

    @property
    def rendered_channels(self) -> int:
        """RGB."""
        return 3

    def render(self, source: Tensor, translated: Tensor) -> Tensor:
        """Photos, RGB (n, 3, height, width) in [-1, 1], of their lightness and colours."""
        return lab.to_rgb(torch.cat((source, translated), 1))

    def describe(self) -> dict[str, object]:
        """The folder, and the numbers of images and damaged files of each loaded split."""
        damaged = {f"{split}_damaged": count for split, count in self.damaged.items()}
        described = {"name": "colourise", "source": str(self.root), "substitute": False, **self._counts(), **damaged}
        return described | self._windows()
