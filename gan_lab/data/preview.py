"""Pictures of what a training would see: the first training images as a data module delivers them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lab.data.base import ImageDataModule
from gan_lab.data.two_sided import TwoSidedDataModule
from gan_lab.utils import depth, images
from gan_lab.utils.batches import AnyBatch, LabelledImages, Pairs


class Preview(NamedTuple):
    """A sheet, uint8 (3, height, width), and a line about it."""

    sheet: Tensor
    line: str


def preview(data: ImageDataModule, count: int, columns: int) -> Preview:
    """The first training images in the order of an epoch, cropped, mirrored and coloured as in training.

    Of data of two sides, each source has its target, or an image of the other domain, to its right.

    Args:
        data: a data module whose `prepare_data` has run.
        count: of images, or of pairs; fewer where an epoch has fewer.
        columns: of images a row.

    Raises:
        UserError: the data can't be loaded.
    """
    data.setup("fit")
    tiles = list(_tiles(data, count))
    pictures = torch.cat(tiles)
    two = isinstance(data, TwoSidedDataModule)
    shown = len(pictures) // (2 if two else 1)
    described = data.describe()
    height, width = data.image_size
    channels = f"{data.channels} channel{'s' * (data.channels > 1)}"
    total = described.get("train_images")
    of = f" of {total:,}" if isinstance(total, int) else ""
    what = "training images"
    if isinstance(data, TwoSidedDataModule):
        what = "pairs" if data.paired else "images of each domain"
    line = f"{shown:,}{of} {what} of {described.get('name')}, {height}x{width} pixels, {channels}"
    names, sizes = described.get("classes"), described.get("class_images")
    if isinstance(names, list) and names:
        numbers = sizes if isinstance(sizes, list) else [None] * len(names)
        each = (f"{name} ({size:,})" if size is not None else name for name, size in zip(names, numbers, strict=True))
        line += f", in {len(names)} classes: {', '.join(each)}"
    per_row = columns if not two else 2 * max(1, columns // 2)
    return Preview(images.tiled(images.to_uint8(pictures), per_row), line)


def _tiles(data: ImageDataModule, count: int) -> Iterator[Tensor]:
    """Pictures (n, 3, height, width) in [-1, 1], batch by batch; sources and targets take turns."""
    left = count
    for batch in data.train_dataloader():
        part: AnyBatch = data.on_after_batch_transfer(batch, 0)
        shown = _pictures(data, part, left)
        yield shown.cpu()
        left -= min(left, len(part[0]))
        if not left:
            return


def _pictures(data: ImageDataModule, batch: AnyBatch, most: int) -> Tensor:
    if isinstance(batch, LabelledImages):
        return _rgb(batch.images[:most], data.display)
    first, second = batch[0][:most], batch[1][:most]
    if isinstance(batch, Pairs) and isinstance(data, TwoSidedDataModule):
        second = data.render(first, second)
    return torch.stack([_rgb(first, None), _rgb(second, data.display)], 1).flatten(0, 1)


def _rgb(pictures: Tensor, display: Sequence[int] | None) -> Tensor:
    """Images of any number of channels as three: those that are looked at, a single one repeated."""
    fits = display is not None and max(display) <= pictures.shape[1]
    chosen = depth.shown(pictures, display if fits else None)
    return chosen.expand(-1, 3, -1, -1) if chosen.shape[1] == 1 else chosen
