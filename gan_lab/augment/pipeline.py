"""The pipeline of changes of "Training Generative Adversarial Networks with Limited Data".

Karras et al. 2020, appendix B (arXiv:2006.06676). Each change happens to each image with probability p, whatever else
does. All geometric ones of an image are one 3x3 matrix, and all of its colours one 4x4 matrix, so it is resampled once.
"""

import math
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.augment.resampling import BANDS, filtered, resampled
from gan_lab.utils import per_image
from gan_lab.utils.precision import full_precision
from gan_lab.utils.types import Probability

Blit = Literal["flip", "quarter_turns", "translation"]
Geometry = Literal["scale", "rotation", "stretch", "translation"]
Colour = Literal["brightness", "contrast", "luma_flip", "hue", "saturation"]
Corruption = Literal["filter", "noise", "cutout"]
BAND_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)  # of natural images, from low to high frequencies


class Row(IntEnum):
    """The place of each change's random numbers."""

    FLIP = 0
    QUARTER_TURNS = 1
    BLIT_TRANSLATION = 2
    SCALE = 3
    FIRST_ROTATION = 4
    STRETCH = 5
    SECOND_ROTATION = 6
    TRANSLATION = 7
    BRIGHTNESS = 8
    CONTRAST = 9
    LUMA_FLIP = 10
    HUE = 11
    SATURATION = 12
    FIRST_BAND = 13
    NOISE = 17
    CUTOUT = 18


class Draws:
    """The random numbers of a batch, and what they choose.

    Args:
        images: (n, ...), whose device and type the numbers have.
        p: probability of each change, 0-dimensional.
    """

    def __init__(self, images: Tensor, p: Tensor) -> None:
        count, kinds = len(images), max(Row) + 1
        self.p = p
        chance, *uniform = per_image.rand(count, 3, kinds, like=images).unbind(1)
        self.chance = chance.unbind(1)
        self.uniform = [numbers.unbind(1) for numbers in uniform]  # two for each change, in [0, 1)
        self.normal = [numbers.unbind(1) for numbers in per_image.randn(count, 2, kinds, like=images).unbind(1)]

    def choose(self, row: int, value: Tensor, otherwise: float, p: Tensor | None = None) -> Tensor:
        """The value (n,) of each image that a change happens to, and `otherwise` for the other images."""
        return torch.where(self.chance[row] < (self.p if p is None else p), value, otherwise)


class Pipeline(nn.Module):
    """Changes of images, each with the probability that the call states.

    Options name the changes that may happen, by group; an empty list switches a group off.

    Everything is computed in float32 or better, whatever the images are, and nothing waits for the device. An image
    that nothing happens to keeps its bits, so all images do at p = 0. On the CPU it is left out, and p = 0 takes no
    draw and no computation. On other devices, where nobody can read what was drawn without waiting, it is chosen in
    place of its resampled copy. There numbers are drawn at p = 0 as well, which moves on the generator of
    whatever draws from it afterwards.

    With given random numbers all changes are affine functions of an image, so gradients with respect to images are
    exact. torch's `grid_sample` has no second derivative: a penalty on gradients is taken at the changed images, as
    the authors take R1, and not through the changes.

    Outside of an image are its reflections, as often as needed. The authors pad an image by as much as the draws need
    before it is upsampled. Here it is padded by a fixed amount, and beyond that the upsampled image is reflected: no
    size depends on the draws, for which the device would have to be waited for. There the two differ by the asymmetry
    of the filter.

    Args:
        blit: by whole pixels. `flip` mirrors left and right, one time in two. `quarter_turns` turns by 0, 90, 180 or
            270 degrees. `translation` moves by up to an eighth of each side.
        geometry: `scale` by 2^(0.2 z), with z normal. `rotation` by any angle, before and after the next, each with
            probability 1 - sqrt(1 - p), so that p is that of either. `stretch` of the width by 2^(0.2 z) and of the
            height by the inverse. `translation` by z / 8 of each side.
        colour: `brightness` adds 0.2 z. `contrast` multiplies by 2^(z / 2). `luma_flip` turns light into dark, one time
            in two. `hue` turns colours by any angle around the axis of greys. `saturation` multiplies the distance to
            that axis by 2^z. Images of one channel have no hue and no saturation.
        corruption: `filter` multiplies each of four bands of frequencies by 2^z, where natural images keep their power.
            `noise` is normal with deviation 0.1 |z|. `cutout` fills a rectangle of half the height and half the width
            with zeros, grey; its centre may be anywhere in the image.
        colour_share: of p, with which each change of colours happens.
    """

    def __init__(
        self,
        *,
        blit: Sequence[Blit],
        geometry: Sequence[Geometry],
        colour: Sequence[Colour],
        corruption: Sequence[Corruption],
        colour_share: Probability = 1.0,
    ) -> None:
        super().__init__()
        self.blit = blit
        self.geometry = geometry
        self.colour = colour
        self.corruption = corruption
        self.colour_share = colour_share

    def forward(self, images: Tensor, p: Tensor) -> Tensor:
        """Change images (n, channels, height, width) in [-1, 1] with probability p, 0-dimensional.

        Raises:
            ValueError: colours are to be changed of images that have neither one nor three channels.
        """
        if self.colour and images.shape[1] not in (1, 3):
            raise ValueError(
                f"model/augment: colours are changed of images with 1 or 3 channels, and these have {images.shape[1]}; "
                "set model.augment.pipeline.colour=[]"
            )
        if can_be_read(p) and p == 0:
            return images
        with full_precision(images.device):
            changed = images.float() if images.dtype in (torch.bfloat16, torch.float16) else images
            draws = Draws(changed, p)
            if self.blit or self.geometry:
                places = self.places(draws, width=images.shape[3], height=images.shape[2])
                changed = where_needed(resampled, changed, places)
            if self.colour:
                colours = self.colours(draws, grey=images.shape[1] == 1)
                changed = where_needed(recoloured, changed, colours)
            return self.corrupted(changed, draws).to(images.dtype)

    def places(self, draws: Draws, *, width: int, height: int) -> Tensor:
        """Matrices (n, 3, 3) that say of a place (x, y, 1) of the changed image where in the given one to look.

        In pixels from the middle, x to the right and y down. They are the inverse of the paper's G, composed of the
        inverse of each change, in the opposite order: torch can't invert without waiting for the device.
        """
        u, v = draws.uniform
        z, w = draws.normal
        sides = width, height
        matrix = identity(3, z[0])
        if "flip" in self.blit:
            sign = draws.choose(Row.FLIP, 1 - 2 * (2 * u[Row.FLIP]).floor(), 1)
            matrix = product(matrix, scaling(sign, torch.ones_like(sign)))
        if "quarter_turns" in self.blit:
            turns = draws.choose(Row.QUARTER_TURNS, (4 * u[Row.QUARTER_TURNS]).floor(), 0)
            matrix = product(matrix, turning(*cosine_and_sine_of_quarters(turns)))
        if "translation" in self.blit:
            row = Row.BLIT_TRANSLATION
            moves = [((numbers[row] - 0.5) / 4 * side).round() for numbers, side in zip((u, v), sides, strict=True)]
            matrix = product(matrix, moving(*(draws.choose(row, -move, 0) for move in moves)))
        if "scale" in self.geometry:
            factor = draws.choose(Row.SCALE, torch.exp2(-0.2 * z[Row.SCALE]), 1)
            matrix = product(matrix, scaling(factor, factor))
        if "rotation" in self.geometry:
            matrix = product(matrix, rotation(draws, Row.FIRST_ROTATION))
        if "stretch" in self.geometry:
            factor = draws.choose(Row.STRETCH, torch.exp2(-0.2 * z[Row.STRETCH]), 1)
            matrix = product(matrix, scaling(factor, 1 / factor))
        if "rotation" in self.geometry:
            matrix = product(matrix, rotation(draws, Row.SECOND_ROTATION))
        if "translation" in self.geometry:
            row = Row.TRANSLATION
            moves = [numbers[row] / 8 * side for numbers, side in zip((z, w), sides, strict=True)]
            matrix = product(matrix, moving(*(draws.choose(row, -move, 0) for move in moves)))
        return matrix

    def colours(self, draws: Draws, *, grey: bool) -> Tensor:
        """Matrices (n, 4, 4) that map a colour (red, green, blue, 1) to what it becomes: the paper's C."""
        u, z = draws.uniform[0], draws.normal[0]
        unit = identity(4, z[0])
        to_grey = F.pad(unit.new_full((3, 3), 1 / 3), (0, 1, 0, 1))  # onto the axis of greys, v = (1, 1, 1) / sqrt(3)
        from_grey = F.pad(torch.eye(3, device=unit.device, dtype=unit.dtype) - 1 / 3, (0, 1, 0, 1))
        p = draws.p * self.colour_share
        matrix = unit
        if "brightness" in self.colour:
            added = draws.choose(Row.BRIGHTNESS, 0.2 * z[Row.BRIGHTNESS], 0, p)
            matrix = product(stacked(1, 0, 0, added, 0, 1, 0, added, 0, 0, 1, added, 0, 0, 0, 1), matrix)
        if "contrast" in self.colour:
            factor = draws.choose(Row.CONTRAST, torch.exp2(0.5 * z[Row.CONTRAST]), 1, p)
            matrix = product(stacked(factor, 0, 0, 0, 0, factor, 0, 0, 0, 0, factor, 0, 0, 0, 0, 1), matrix)
        if "luma_flip" in self.colour:
            flipped = draws.choose(Row.LUMA_FLIP, (2 * u[Row.LUMA_FLIP]).floor(), 0, p)
            matrix = product(unit - 2 * each(flipped) * to_grey, matrix)
        if "hue" in self.colour and not grey:
            angle = draws.choose(Row.HUE, (2 * u[Row.HUE] - 1) * math.pi, 0, p)
            # Rodrigues' formula, with the cross product (1, 1, 1) x colour.
            next_channel = torch.eye(3, device=unit.device, dtype=unit.dtype).roll(1, 0)
            cross = F.pad(next_channel - next_channel.T, (0, 1, 0, 1)) / math.sqrt(3)
            turn = unit + (each(angle.cos()) - 1) * from_grey + each(angle.sin()) * cross
            matrix = product(turn, matrix)
        if "saturation" in self.colour and not grey:
            factor = draws.choose(Row.SATURATION, torch.exp2(z[Row.SATURATION]), 1, p)
            matrix = product(unit + (each(factor) - 1) * from_grey, matrix)
        return matrix

    def corrupted(self, images: Tensor, draws: Draws) -> Tensor:
        """Apply what takes something away from images (n, channels, height, width), in the paper's order."""
        if "filter" in self.corruption:
            gains = band_gains(draws)
            images = torch.where((gains == 1).all(1)[:, None, None, None], images, filtered(images, gains))
        if "noise" in self.corruption:
            deviation = draws.choose(Row.NOISE, 0.1 * draws.normal[0][Row.NOISE].abs(), 0)[:, None, None, None]
            noise = per_image.randn(*images.shape, like=images)
            images = torch.where(deviation == 0, images, images + deviation * noise)
        if "cutout" in self.corruption:
            holes = []
            for numbers, side in zip(draws.uniform, images.shape[3:1:-1], strict=True):
                centre = draws.choose(Row.CUTOUT, numbers[Row.CUTOUT], 2)[:, None]  # 2 lies outside of the image
                first, last = ((centre - 0.25) * side).round(), ((centre + 0.25) * side).round()
                place = torch.arange(side, device=images.device)
                holes.append((place >= first) & (place < last))
            images = images.masked_fill(holes[0][:, None, None, :] & holes[1][:, None, :, None], 0)
        return images


def rotation(draws: Draws, row: Row) -> Tensor:
    """Matrices (n, 3, 3) of a rotation by any angle, with the probability that makes one of two happen with p."""
    angle = draws.choose(row, (2 * draws.uniform[0][row] - 1) * math.pi, 0, 1 - (1 - draws.p).sqrt())
    return turning(angle.cos(), angle.sin())


def band_gains(draws: Draws) -> Tensor:
    """Factors (n, BANDS) of the bands of frequencies, which leave images of BAND_POWER their power."""
    gains = torch.ones_like(torch.stack(draws.chance[:BANDS], 1))
    for band, power in enumerate(BAND_POWER):
        row = Row.FIRST_BAND + band
        factor = draws.choose(row, torch.exp2(draws.normal[0][row]), 1)
        by_band = torch.stack([factor if other == band else torch.ones_like(factor) for other in range(BANDS)], 1)
        gains = gains * by_band / (1 + power * (factor.square() - 1)).sqrt()[:, None]
    return gains


def recoloured(images: Tensor, colours: Tensor) -> Tensor:
    """Map the colours of images (n, 1 or 3, height, width) by matrices (n, 4, 4).

    One channel is three that are equal. The matrix then has no hue and no saturation, so three equal ones come out.
    """
    added = colours[:, :, 3, None, None]
    if images.shape[1] == 1:
        return colours[:, :1, :3].sum(2)[..., None, None] * images + added[:, :1]
    red, green, blue = (colours[:, :3, i, None, None] * images[:, i : i + 1] for i in range(3))
    return red + green + blue + added[:, :3]


def where_needed(change: Callable[[Tensor, Tensor], Tensor], images: Tensor, matrices: Tensor) -> Tensor:
    """Change images (n, ...) by matrices (n or 1, m, m), and keep those whose matrix is the identity, to the bit.

    Where it can be read which ones these are, they are not computed. Elsewhere all are, and the right ones chosen.
    """
    same = is_identity(matrices)
    if not can_be_read(images):
        return torch.where(same[:, None, None, None], images, change(images, matrices))
    places = (~same).expand(len(images)).nonzero()[:, 0]
    if len(places) == 0:
        return images
    return images.index_copy(0, places, change(images[places], matrices.expand(len(images), -1, -1)[places]))


def can_be_read(tensor: Tensor) -> bool:
    """True where a number of the tensor can be read without waiting for a device."""
    return tensor.device.type == "cpu"


def is_identity(matrices: Tensor) -> Tensor:
    """True for each of the matrices (n, m, m) that changes nothing, to the bit, (n,)."""
    return (matrices == identity(matrices.shape[1], matrices)).flatten(1).all(1)


def identity(size: int, like: Tensor) -> Tensor:
    """The matrix (1, size, size) that changes nothing."""
    return torch.eye(size, device=like.device, dtype=like.dtype)[None]


def product(first: Tensor, second: Tensor) -> Tensor:
    """The products of matrices (n or 1, m, m), without the rounding of a device's fast units for matrices."""
    return (first[:, :, :, None] * second[:, None]).sum(2)


def stacked(*entries: Tensor | float) -> Tensor:
    """Square matrices (n, m, m) from their m * m entries, row by row, each a number or (n,); at least one is (n,)."""
    like = next(entry for entry in entries if isinstance(entry, Tensor))
    filled = [entry if isinstance(entry, Tensor) else torch.full_like(like, entry) for entry in entries]
    side = math.isqrt(len(entries))
    return torch.stack(filled, 1).reshape(-1, side, side)


def each(factors: Tensor) -> Tensor:
    """Factors (n,), shaped to multiply a matrix for each image."""
    return factors[:, None, None]


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """Matrices (n, 3, 3) that multiply places by (x, y)."""
    return stacked(x, 0, 0, 0, y, 0, 0, 0, 1)


def turning(cosine: Tensor, sine: Tensor) -> Tensor:
    """Matrices (n, 3, 3) that turn places from x towards y, which is clockwise in an image."""
    return stacked(cosine, -sine, 0, sine, cosine, 0, 0, 0, 1)


def moving(x: Tensor, y: Tensor) -> Tensor:
    """Matrices (n, 3, 3) that move places by (x, y)."""
    return stacked(1, 0, x, 0, 1, y, 0, 0, 1)


def cosine_and_sine_of_quarters(turns: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of 0, 1, 2 or 3 quarters of a turn, exactly."""
    return (turns - 2).abs() - 1, 1 - (turns - 1).abs()
