"""Random crops, mirror images and colours, each a pure function of (seed, epoch, index of the image)."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from gan_lab.utils import seeding
from gan_lab.utils.types import PositiveInt

Strength = Annotated[float, Field(ge=0.0, lt=1.0)]
Jitter = tuple[Strength, Strength, Strength]
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in grey: ITU-R BT.601, as in Pillow
DRAWS = 6  # numbers an image: top, left, mirrored, brightness, contrast, saturation


class Augmentation:
    """Square crops of images, mirrored half of the time, in slightly other colours.

    Nothing here depends on a batch or a process: an image looks the same wherever it comes up in an epoch. The two
    images of a pair share a row of `draws`.

    Args:
        image_size: side of the crops.
        mirror: True mirrors half of the images.
        jitter: largest relative changes of brightness, contrast and saturation, in this order.
    """

    def __init__(self, image_size: int, *, mirror: bool, jitter: Jitter | None) -> None:
        self.image_size = image_size
        self.mirror = mirror
        self.jitter = jitter

    def draws(self, count: int, seed: int, epoch: int) -> Tensor:
        """Draw what decides the looks of `count` images in an epoch: uniform in [0, 1), float32 (count, DRAWS)."""
        generator = torch.Generator().manual_seed(seeding.derive(seed, "augment", epoch))
        return torch.rand(count, DRAWS, generator=generator)

    def __call__(self, pixels: Tensor, draws: Tensor) -> Tensor:
        """Augment uint8 (n, channels, side, side) by draws (n, DRAWS): uint8 (n, channels, image_size, image_size)."""
        draws = draws.to(pixels.device)
        size, space = self.image_size, pixels.shape[-1] - self.image_size + 1
        along = torch.arange(size, device=pixels.device)
        top, left = (draws[:, :2].double() * space).long()[:, :, None].unbind(1)
        mirrored = (draws[:, 2:3] < 0.5) & self.mirror
        rows, columns = top + along, left + torch.where(mirrored, along.flip(0), along)
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
    image_size: int, *, load_size: PositiveInt | None, mirror: bool, jitter: Jitter | None
) -> Augmentation | None:
    """The augmentation that options ask for; None where images stay as they are.

    Raises:
        ValueError: images are to be loaded smaller than the crops.
    """
    if load_size is not None and load_size < image_size:
        raise ValueError(
            f"data.load_size={load_size} is smaller than the crops, data.image_size={image_size}; null takes no crops"
        )
    if load_size in (None, image_size) and not mirror and not any(jitter or ()):
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
