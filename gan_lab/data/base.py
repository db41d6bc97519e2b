"""The base of all data modules: images on the training device, batches in [-1, 1], the position in the epoch order."""

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor

from gan_lab.utils import hashes, images
from gan_lab.utils.batches import AnyBatch, Batch, LabelledImages, map_tensors
from gan_lab.utils.depth import EIGHT, Depth, check_display, shown
from gan_lab.utils.errors import UserError
from gan_lab.utils.sizes import height_and_width
from gan_lab.utils.types import ImageSize, NonNegativeInt, PositiveInt

log = logging.getLogger(__name__)

DEVICE_SHARE = 0.25  # of the accelerator's free memory; a larger dataset stays on the CPU


class ImageDataModule(LightningDataModule):
    """Images of one size, held at their depth, uint8 say, and delivered as float32 in [-1, 1].

    Args:
        image_size: pixels, [height, width] or the side of squares; as an attribute always (height, width).
        channels: 1 for grey, 3 for colour, or any other number; the networks follow.
        batch_size: images a batch, for each process.
        seed: of the order of the images.
        display: numbers of one or three channels that are looked at and scored, from 1 on; None takes grey and RGB as
            they are, of two channels the first, and of more than three the first three.

    Raises:
        ValueError: there are no such channels.
    """

    images_of_each = 1  # that are trained on, of each training image

    def __init__(
        self,
        *,
        image_size: ImageSize,
        channels: PositiveInt,
        batch_size: PositiveInt,
        seed: NonNegativeInt,
        display: Sequence[PositiveInt] | None = None,
    ) -> None:
        super().__init__()
        self.image_size = height_and_width(image_size)
        self.channels = channels
        check_display(display, channels)
        self.display = display
        self.batch_size = batch_size
        self.seed = seed
        self.native_size = self.image_size  # of the loaded images; scores leave out the border that `fit` adds
        self.contents: list[str] = []  # hashes of the training images as they were loaded, one for each domain
        self._notes: list[tuple[int, str]] = []

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """The origin of the images in plain values, for the run's record."""

    def identity(self) -> dict[str, object]:
        """Describe the images, and what is trained on by its content, wherever it lies, once that is loaded."""
        return {**self.describe(), **({"train_sha256": " ".join(self.contents)} if self.contents else {})}

    def recall(self, described: Mapping[str, Any]) -> None:
        """Take what must stay as it was when a run began, before any other call; here, nothing.

        Args:
            described: as `describe` gave it then.
        """

    @abstractmethod
    def example(self) -> AnyBatch:
        """A batch of zero images as a model receives it, for its dry run; two, or one where batches have one."""

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch to the training device; nothing happens where it is there already."""
        return map_tensors(lambda part: part.to(device, non_blocking=True), batch)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Normalise pixels of the sides' depths to float32 in [-1, 1] on the device; int64 labels stay as they are."""
        sides = iter(range(len(batch)))

        def normalised(part: Tensor) -> Tensor:
            depth = self.depth(next(sides))
            return depth.to_float(part) if part.dtype == depth.dtype and part.ndim > 1 else part

        return map_tensors(normalised, batch)

    def depth(self, side: int = 0) -> Depth:
        """The depth of the images of a side, 0 or 1 of a dataset with two; here, 8 bits."""
        return EIGHT

    def pictures(self, pixels: Tensor, side: int = 0) -> Tensor:
        """The images (n, channels, height, width) of a side as they are looked at: uint8, of one channel or three."""
        return shown(self.depth(side).to_uint8(pixels), self.display if pixels.shape[1] == self.channels else None)

    def _prepare(self, dataset: LabelledImages, split: str, of: str = "") -> LabelledImages:
        """Bring images to the size of their split and a dataset onto the device where it fits.

        Args:
            dataset: images (n, channels, height, width) and labels int64 (n,), as loaded.
            split: "train", "validation" or "test".
            of: suffix for the message where there are several domains, such as " of domain a".

        Raises:
            UserError: there are fewer images to train on than a batch takes.
        """
        pixels, labels = dataset
        if split == "train":
            self.contents.append(hashes.of_tensors(pixels, labels))
        self.native_size = height_and_width(pixels.shape[-2:])
        pixels = images.fit(pixels, self._stored_size(split))
        count = len(pixels) * self.images_of_each
        if split == "train" and count < self.batch_size * self._world_size:
            raise UserError(
                f"data.batch_size={self.batch_size} on {self._world_size} process(es) is more than the "
                f"{count} training images{of}; set it to {count // self._world_size} or less"
            )
        device = self._device
        if device.type == "cuda" and pixels.nbytes > DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]:
            device = torch.device("cpu")
        return LabelledImages(pixels.to(device), labels.to(device))

    def _stored_size(self, split: str) -> tuple[int, int]:
        return self.image_size

    def _note(self, level: int, message: str) -> None:
        """Keep a line for the log, of one process, until the data are known to be fit: a refusal is the only line."""
        if self._rank == 0:
            self._notes.append((level, message))

    def _log_notes(self) -> None:
        """Log what was kept, now that a stage is set up."""
        for level, message in self._notes:
            log.log(level, message)
        self._notes.clear()

    def _zeros(self) -> Tensor:
        return torch.zeros(min(2, self.batch_size), self.channels, *self.image_size)

    def _position(self) -> int:
        """The number of batches trained on so far; with `overfit_batches` the first ones repeat."""
        if self.trainer is None:
            return 0
        step = self.trainer.global_step
        overfits = self.trainer.overfit_batches > 0  # type: ignore[attr-defined]
        return step % int(self.trainer.num_training_batches) if overfits else step

    @property
    def _device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer else torch.device("cpu")

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    @property
    def _processes_here(self) -> int:
        """The number of training processes on this machine."""
        return self.trainer.num_devices if self.trainer else 1

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer else 1
