"""Random crops, mirror images and colours, each a pure function of (seed, epoch, index of the image)."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from gan_lab.utils import seeding
from gan_lab.utils.sizes import as_option, height_and_width
from gan_lab.utils.types import ImageSize

Strength = Annotated[float, Field(ge=0.0, lt=1.0)]
Jitter = tuple[Strength, Strength, Strength]
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in grey: ITU-R BT.601, as in Pillow
DRAWS = 6  # numbers an image: top, left, mirrored, brightness, contrast, saturation


class Augmentation:
    """Crops of images, mirrored half of the time, in slightly other colours.

    Nothing here depends on a batch or a process: an image looks the same wherever it comes up in an epoch. The two
    images of a pair share a row of `draws`.

    Args:
        image_size: of the crops, (height, width) or the side of squares.
        mirror: True mirrors half of the images.
        jitter: largest relative changes of brightness, contrast and saturation, in this order.
    """

    def __init__(self, image_size: ImageSize, *, mirror: bool, jitter: Jitter | None) -> None:
        self.image_size = height_and_width(image_size)
        self.mirror = mirror
        self.jitter = jitter

    def draws(self, count: int, seed: int, epoch: int) -> Tensor:
        """Draw what decides the looks of `count` images in an epoch: uniform in [0, 1), float32 (count, DRAWS)."""
        generator = torch.Generator().manual_seed(seeding.derive(seed, "augment", epoch))
        return torch.rand(count, DRAWS, generator=generator)

    def __call__(self, pixels: Tensor, draws: Tensor) -> Tensor:
        """Augment uint8 (n, channels, any height, any width) by draws (n, DRAWS): uint8 of the size of the crops."""
        draws = draws.to(pixels.device)
        down, across = (torch.arange(length, device=pixels.device) for length in self.image_size)
        places = torch.split(draws[:, :2].double(), 1, 1)
        top, left = (
            (place * (stored - kept + 1)).long()
            for place, stored, kept in zip(places, pixels.shape[-2:], self.image_size, strict=True)
        )
        mirrored = (draws[:, 2:3] < 0.5) & self.mirror
        rows, columns = top + down, left + torch.where(mirrored, across.flip(0), across)
        image, channel = (torch.arange(count, device=pixels.device) for count in pixels.shape[:2])
        crops = pixels[
            image[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None]
        ]
        if self.jitter is None:
            return crops
        strengths = torch.tensor(self.jitter, device=pixels.device)
        factors = 1 + (2 * draws[:, 3:] - 1) * strengths
        return jittered(crops, *factors[:, :, None, None, None].unbind(1))


def augmentation(
    image_size: ImageSize, *, load_size: ImageSize | None, mirror: bool, jitter: Jitter | None
) -> Augmentation | None:
    """The augmentation that options ask for; None where images stay as they are.

    Raises:
        ValueError: images are to be loaded smaller than the crops.
    """
    crop, stored = height_and_width(image_size), height_and_width(load_size or image_size)
    if any(length < least for length, least in zip(stored, crop, strict=True)):
        raise ValueError(
            f"data.load_size={as_option(stored)} is smaller than the crops, data.image_size={as_option(crop)}; null "
            "takes no crops"
        )
    if stored == crop and not mirror and not any(jitter or ()):
        return None
    return Augmentation(image_size, mirror=mirror, jitter=jitter if any(jitter or ()) else None)


def jittered(pixels: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Change uint8 images (n, 1 or 3, height, width) by factors (n, 1, 1, 1), in the order of the arguments."""
    values = (pixels.float() * brightness).clamp_(0, 255)
    mean = _grey(values).mean((1, 2, 3), keepdim=True)
    values = torch.lerp(mean, values, contrast).clamp_(0, 255)
    return torch.lerp(_grey(values), values, saturation).round_().clamp_(0, 255).byte()


def _grey(values: Tensor) -> Tensor:
    """The grey value of each pixel, float (n, 1, height, width)."""
    if values.shape[1] == 1:
        return values
    return torch.einsum("nchw,c->nhw", values, values.new_tensor(LUMA))[:, None]
