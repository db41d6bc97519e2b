"""Image files in common formats, decoded to 8 bits: to one size, or at their own size."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from gan_lab.data.formats import LARGE, alone_if_large, formats, is_wide
from gan_lab.data.windows import FAINT, Window, stretched
from gan_lab.utils.depth import Limits
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import open_regular
from gan_lab.utils.sizes import height_and_width
from gan_lab.utils.types import ImageSize

Open = Callable[[Path], BinaryIO]
Pixels = NDArray[np.generic]
Half = Literal["left", "right"]
Fit = Literal["crop", "pad", "stretch"]
Size = tuple[int, int]  # width and height
BACKGROUND = "white"
HEADROOM = 4  # times the needed side that a JPEG keeps when it is decoded at a fraction of its size


def existing_folder(path: str, option: str) -> Path:
    """The folder that an option names.

    Raises:
        UserError: the path is missing, or a file.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "no such folder"
        raise UserError(f"{option}={path}: {problem}")
    return folder


class Picture(NamedTuple):
    """A decoded image, and what was lost.

    Args:
        pixels: (channels, height, width), uint8, or of the depth that it was decoded at.
        pages: pages or frames of the file; the first is decoded.
        hidden: a picture that shows on a transparent ground, but not on the background.
        size: of the picture in the file, upright.
    """

    pixels: Pixels
    pages: int
    hidden: bool
    size: Size


class Whole(NamedTuple):
    """A decoded image of its own size and shape.

    Args:
        pixels: (channels, height, width), uint8 or of another depth, transparent ones laid over the background.
        alpha: uint8 (1, height, width); None where the file has no transparency.
        is_wide: True where the file's pixels had more than 8 bits.
    """

    pixels: Pixels
    alpha: Pixels | None
    is_wide: bool


def read(
    path: Path,
    size: ImageSize,
    channels: int,
    *,
    window: Window | None = None,
    background: str = BACKGROUND,
    fit: Fit = "crop",
    half: Half | None = None,
    opened: Open = open_regular,
) -> Picture:
    """Decode one image to uint8 (channels, height, width): 1 channel is grey, 3 are RGB.

    The EXIF orientation is applied, transparent pixels are laid over the background, and wide pixels become 8 bits.
    Then `fitted` brings the picture to its size. An image of the right size keeps every pixel. Of several pages the
    first is taken.

    Args:
        path: of the file.
        size: (height, width), or the side of a square.
        channels: 1 or 3.
        window: what becomes black and white; None takes the image's own range where its pixels are wide.
        background: colour by a name or number that Pillow knows.
        fit: how the picture gets the shape of `size`, as of `fitted`.
        half: of a file with two images side by side, the one to decode.
        opened: opens a file by its path, or a member of an archive by its name.

    Raises:
        Exception: the file is damaged or not an image, or has no two halves; the type depends on Pillow's decoder.
    """
    least = HEADROOM * max(height_and_width(size))
    with opened(path) as file, Image.open(file, formats=formats()) as image:
        limits = (window or Window(files=[path])).of(image)
        full = image.size
        if half is None:  # else the halves of a smaller size may not meet between two pixels
            image.draft(None, (least, least))  # JPEG only; several times faster for photos
        with alone_if_large(image):
            if image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8):  # it lies on its side
                full = full[::-1]
            ImageOps.exif_transpose(image, in_place=True)
            part = image if half is None else _half(image, half)
            small = _reduced(part, least)
            flat, hidden = plain(small, "L" if channels == 1 else "RGB", limits, background)
            whole = np.asarray(fitted(flat, size, fit, background))
        count = pages(image)
    upright = full if half is None else part.size
    return Picture(whole[None] if channels == 1 else whole.transpose(2, 0, 1), count, hidden, upright)


def fitted(image: Image.Image, size: ImageSize, fit: Fit, background: str | float = BACKGROUND) -> Image.Image:
    """Bring an image to a size, (height, width) or the side of a square, by Pillow's bicubic filter, which antialiases.

    Args:
        image: of mode "L", "RGB" or "F".
        size: that the image gets.
        fit: "crop" resizes until the size is covered, and keeps the centre; "pad" resizes until all of the image fits
            in, and lays it on the middle of the background; "stretch" resizes each side by itself.
        background: colour by a name or number that Pillow knows; a value of the pixels for mode "F".
    """
    height, width = height_and_width(size)
    if fit == "crop":
        return ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    scale = min(width / image.width, height / image.height)
    within = max(1, round(scale * image.width)), max(1, round(scale * image.height))
    resized = image.resize((width, height) if fit == "stretch" else within, Image.Resampling.BICUBIC)
    if resized.size == (width, height):
        return resized
    whole = Image.new(image.mode, (width, height), background)
    whole.paste(resized, ((width - resized.width) // 2, (height - resized.height) // 2))
    return whole


def read_whole(
    path: Path,
    channels: int,
    *,
    side: int | None = None,
    window: Window | None = None,
    background: str = BACKGROUND,
    opened: Open = open_regular,
) -> Whole:
    """Decode one image at its own size, or with its shorter side resized; the rest is as `read` has it.

    Args:
        path: of the file.
        channels: 1 or 3.
        side: length of the resized shorter side; None keeps every pixel.
        window: what becomes black and white; None takes the image's own range where its pixels are wide.
        background: colour by a name or number that Pillow knows.
        opened: as of `read`.

    Raises:
        Exception: the file is damaged or not an image; the type depends on Pillow's decoder.
    """
    with opened(path) as file, Image.open(file, formats=formats()) as image:
        wide, limits = is_wide(image), (window or Window(files=[path])).of(image)
        if side:
            image.draft(None, (HEADROOM * side, HEADROOM * side))
        with alone_if_large(image):
            ImageOps.exif_transpose(image, in_place=True)
            picture = _reduced(image, HEADROOM * side) if side else image
            flat, _ = plain(picture, "L" if channels == 1 else "RGB", limits, background)
            layers = [flat]
            if picture.has_transparency_data and not wide:
                layers.append(picture.convert("RGBA").getchannel("A"))
            if side:
                size = [max(1, round(length * side / min(flat.size))) for length in flat.size]
                layers = [layer.resize((size[0], size[1]), Image.Resampling.BICUBIC) for layer in layers]
            pixels, *alpha = (np.atleast_3d(np.asarray(layer)).transpose(2, 0, 1) for layer in layers)
    return Whole(pixels, alpha[0] if alpha else None, wide)


def _half(image: Image.Image, half: Half) -> Image.Image:
    """The left or right half of an image.

    Raises:
        ValueError: it has no halves of whole pixels.
    """
    width, height = image.size
    if width % 2:
        raise ValueError(f"a width of {width} pixels, which is odd, has no two halves")
    return image.crop((0, 0, width // 2, height) if half == "left" else (width // 2, 0, width, height))


def _reduced(image: Image.Image, least: int) -> Image.Image:
    """A loaded image; a large one with its sides divided, so that copies of it take little memory."""
    image.load()
    factor = min(image.size) // least
    if image.width * image.height <= LARGE or factor < 2:
        return image
    if image.mode.startswith("I;"):
        image = image.convert("I")
    elif image.mode in ("1", "P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.reduce(factor)


def plain(image: Image.Image, mode: str, limits: Limits | None, background: str) -> tuple[Image.Image, bool]:
    """Convert an image of any mode to "L" or "RGB"; the second value tells whether its visible part can't be seen."""
    hidden = False
    if is_wide(image):
        assert limits is not None
        return Image.fromarray(stretched(np.asarray(image, np.float64), limits)).convert(mode), hidden
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", picture.size, background), picture)
        hidden = _spread(picture.getchannel("A")) >= FAINT > _spread(image.convert("RGB"))
    flat = image.convert(mode)
    if limits is not None:
        table = stretched(np.arange(256, dtype=np.float64), limits).tolist()
        flat = flat.point(table * len(flat.getbands()))
    return flat, hidden


def _spread(image: Image.Image) -> int:
    """The largest difference of two values in a channel of 8 bits."""
    return max(int(np.ptp(np.asarray(band))) for band in image.split())


def pages(image: Image.Image) -> int:
    """The number of pages or frames; a photo's preview (MPO) and the layers of a drawing (PSD) are none."""
    try:
        return 1 if image.format in ("MPO", "PSD") else int(getattr(image, "n_frames", 1))
    except Exception:  # what follows the first page is damaged
        return 1
