"""Image files in common formats, decoded to one size, or at their own size."""

import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from gan_lab.utils import memory
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import open_regular
from gan_lab.utils.sizes import by, height_and_width
from gan_lab.utils.types import ImageSize

Pixels = NDArray[np.uint8]
Limits = tuple[float, float]
Half = Literal["left", "right"]
Fit = Literal["crop", "pad", "stretch"]
Size = tuple[int, int]  # width and height
Result = TypeVar("Result")
BACKGROUND = "white"
NAMED = 5  # number of damaged files that a warning names
MANY = 1000  # number of files from which on a progress bar is shown
CHUNK = 1024  # number of files in the threads' queue at once, at most
# What Pillow decodes itself. Other formats wrap files of any format, or are programs: it hands PostScript, also from
# within IPTC, to Ghostscript.
FORMATS = "AVIF BMP DIB GIF ICO JPEG JPEG2000 MPO PNG PPM QOI SGI TGA TIFF WEBP"
WAITING = 1 << 28  # bytes of decoded images that may wait for those before them
LARGE = 1 << 24  # pixels of an image from which on one is decoded at a time
FAINT = 32  # of 255: a smaller range of values shows next to nothing
STRAY = 0.0005  # of the pixels, at either end of the range, that don't count
HEADROOM = 4  # times the needed side that a JPEG keeps when it is decoded at a fraction of its size
_large_images = Lock()


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


def extensions() -> frozenset[str]:
    """File extensions of the supported formats, in lower case."""
    return frozenset(ending for ending, kind in Image.registered_extensions().items() if kind in formats())


@cache
def formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow decodes."""
    Image.init()
    return tuple(kind for kind in FORMATS.split() if kind in Image.OPEN)


class Window:
    """The range of pixel values that is stretched from black to white.

    Pixels of 8 bits have a range of their own, and keep it unless limits are given. Those of 16 or 32 bits and floating
    points have none that is known: a scan may fill 12 of 16 bits. The range of all of some files together is theirs, so
    that images stay comparable.

    Args:
        limits: lowest and highest value, of all images; None finds those of wide pixels when the first is met.
        files: that hold the range, the training files say.

    Raises:
        ValueError: the limits are in the wrong order.
    """

    def __init__(self, limits: Limits | None = None, files: Sequence[Path] = ()) -> None:
        if limits and not limits[0] < limits[1]:
            raise ValueError(f"data.window={list(limits)}: the first value must be below the second")
        self.fixed = limits is not None
        self.limits = (float(limits[0]), float(limits[1])) if limits else None
        self.files = files
        self._lock = Lock()

    def of(self, image: Image.Image) -> Limits | None:
        """The limits for an image that is opened and not loaded; None where its pixels stay as they are."""
        if not self.fixed and not _is_wide(image):
            return None
        with self._lock:
            if self.limits is None:
                self.limits = value_range(self.files)
            return self.limits


class Image8(NamedTuple):
    """A decoded image, and what was lost.

    Args:
        pixels: uint8 (channels, height, width).
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
        pixels: uint8 (channels, height, width), transparent ones laid over the background.
        alpha: uint8 (1, height, width); None where the file has no transparency.
        is_wide: True where the file's pixels had more than 8 bits.
    """

    pixels: Pixels
    alpha: Pixels | None
    is_wide: bool


class Outcome(NamedTuple):
    """Facts about decoded files.

    Args:
        damaged: the indices of the damaged ones.
        warnings: a line each.
        sizes: of the picture in each file, of those that are not damaged.
    """

    damaged: list[int]
    warnings: list[str]
    sizes: list[Size]


def allocate(count: int, channels: int, size: ImageSize, *, of: str) -> Pixels:
    """Memory for decoded images, uint8 (count, channels, height, width).

    Raises:
        UserError: that much is not available; the message begins with `of`.
    """
    shape = count, channels, *height_and_width(size)
    needed, available = math.prod(shape), memory.available()
    if needed > available:
        raise UserError(
            f"{of}: {count:,} images of {by(size)} pixels need {needed / 1e9:,.1f} GB of memory, and "
            f"{available / 1e9:.1f} GB are available; take fewer or smaller images"
        )
    return np.empty(shape, np.uint8)


def read(
    path: Path,
    size: ImageSize,
    channels: int,
    *,
    window: Window | None = None,
    background: str = BACKGROUND,
    fit: Fit = "crop",
    half: Half | None = None,
) -> Image8:
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

    Raises:
        Exception: the file is damaged or not an image, or has no two halves; the type depends on Pillow's decoder.
    """
    least = HEADROOM * max(height_and_width(size))
    with open_regular(path) as file, Image.open(file, formats=formats()) as image:
        limits = (window or Window(files=[path])).of(image)
        full = image.size
        if half is None:  # else the halves of a smaller size may not meet between two pixels
            image.draft(None, (least, least))  # JPEG only; several times faster for photos
        with _alone_if_large(image):
            if image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8):  # it lies on its side
                full = full[::-1]
            ImageOps.exif_transpose(image, in_place=True)
            part = image if half is None else _half(image, half)
            small = _reduced(part, least)
            plain, hidden = _plain(small, "L" if channels == 1 else "RGB", limits, background)
            whole = np.asarray(fitted(plain, size, fit, background))
        pages = _pages(image)
    upright = full if half is None else part.size
    return Image8(whole[None] if channels == 1 else whole.transpose(2, 0, 1), pages, hidden, upright)


def fitted(image: Image.Image, size: ImageSize, fit: Fit, background: str = BACKGROUND) -> Image.Image:
    """Bring an image to a size, (height, width) or the side of a square, by Pillow's bicubic filter, which antialiases.

    Args:
        image: of mode "L" or "RGB".
        size: that the image gets.
        fit: "crop" resizes until the size is covered, and keeps the centre; "pad" resizes until all of the image fits
            in, and lays it on the middle of the background; "stretch" resizes each side by itself.
        background: colour by a name or number that Pillow knows.
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
    path: Path, channels: int, *, side: int | None = None, window: Window | None = None, background: str = BACKGROUND
) -> Whole:
    """Decode one image at its own size, or with its shorter side resized; the rest is as `read` has it.

    Args:
        path: of the file.
        channels: 1 or 3.
        side: length of the resized shorter side; None keeps every pixel.
        window: what becomes black and white; None takes the image's own range where its pixels are wide.
        background: colour by a name or number that Pillow knows.

    Raises:
        Exception: the file is damaged or not an image; the type depends on Pillow's decoder.
    """
    with open_regular(path) as file, Image.open(file, formats=formats()) as image:
        is_wide, limits = _is_wide(image), (window or Window(files=[path])).of(image)
        if side:
            image.draft(None, (HEADROOM * side, HEADROOM * side))
        with _alone_if_large(image):
            ImageOps.exif_transpose(image, in_place=True)
            picture = _reduced(image, HEADROOM * side) if side else image
            plain, _ = _plain(picture, "L" if channels == 1 else "RGB", limits, background)
            layers = [plain]
            if picture.has_transparency_data and not is_wide:
                layers.append(picture.convert("RGBA").getchannel("A"))
            if side:
                size = [max(1, round(length * side / min(plain.size))) for length in plain.size]
                layers = [layer.resize((size[0], size[1]), Image.Resampling.BICUBIC) for layer in layers]
            pixels, *alpha = (np.atleast_3d(np.asarray(layer)).transpose(2, 0, 1) for layer in layers)
    return Whole(pixels, alpha[0] if alpha else None, is_wide)


def decode(
    files: Sequence[Path],
    out: Pixels,
    *,
    window: Window | None = None,
    background: str = BACKGROUND,
    fit: Fit = "crop",
    half: Half | None = None,
    quiet: bool = False,
) -> Outcome:
    """Decode files in their order, with one thread per core.

    Damaged files are left out, and a warning counts them and names the first. Others tell of pages that are not used,
    and of images that show next to nothing. A terminal shows a progress bar for many files.

    Args:
        files: the image files.
        out: target, uint8 (len(files), channels, height, width); the rows left over at its end stay unchanged.
        window: what becomes black and white; None takes the range of these files' wide pixels.
        background: colour under transparent pixels, and of what padding adds.
        fit: how pictures get the shape of the target, as of `fitted`.
        half: of files with two images side by side, the one to decode.
        quiet: show no bar, as another process does.

    Raises:
        UserError: all files are damaged.
    """
    window = window or Window(files=files)
    damaged: dict[int, Exception] = {}
    stacks = pages = hidden = 0
    histogram = np.zeros(256, np.int64)
    sizes: list[Size] = []
    form: dict[str, Any] = {"size": out.shape[-2:], "channels": out.shape[1], "fit": fit, "half": half}
    form |= {"window": window, "background": background}
    chunk = max(1, min(CHUNK, WAITING // out[:1].nbytes))
    images = attempts(files, lambda path: read(path, **form), chunk)
    bar = tqdm(images, "Decoding", len(files), unit=" images", disable=True if quiet or len(files) < MANY else None)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # about oddities in readable files
        for index, image in enumerate(bar):
            if isinstance(image, Exception):
                damaged[index] = image
                continue
            out[index - len(damaged)] = image.pixels
            sizes.append(image.size)
            histogram += np.bincount(image.pixels.ravel(), minlength=256)
            stacks, pages, hidden = stacks + (image.pages > 1), pages + image.pages, hidden + image.hidden
    sound, told = len(files) - len(damaged), []
    if damaged:
        told.append(unreadable(files, damaged))
        if not sound:
            raise UserError(f"{told[0]}. No image is left.")
        told[0] += ". These files are left out."
    if stacks:
        told.append(
            f"{stacks:,} of {len(files):,} image files have several pages or frames; the first of each is used, and "
            f"{pages - sound:,} are not"
        )
    if hidden:
        other = "white" if background == "black" else "black"
        told.append(
            f"{hidden:,} of {len(files):,} images with transparent pixels can't be seen on {background}; "
            f"data.background={other} lays them on {other}"
        )
    if faint := _faint(histogram, window.limits):
        told.append(faint)
    return Outcome(list(damaged), told, sizes)


def unreadable(files: Sequence[Path], damaged: Mapping[int, Exception]) -> str:
    """Count damaged files, by their index among all, and name the first with their reasons; a line without its end."""
    named = [f"{files[index]} ({_reason(error)})" for index, error in list(damaged.items())[:NAMED]]
    more = [f"and {len(damaged) - NAMED:,} more"] if len(damaged) > NAMED else []
    return f"{len(damaged):,} of {len(files):,} images can't be read: {', '.join(named + more)}"


def value_range(files: Sequence[Path]) -> Limits:
    """The lowest and highest value of all wide pixels in files; damaged files have none, nor have NaN and infinity."""

    def extremes(path: Path) -> Limits | None:
        with open_regular(path) as file, Image.open(file, formats=formats()) as image:
            if not _is_wide(image):
                return None
            with _alone_if_large(image):
                values = np.asarray(image)
                values = values[np.isfinite(values)]
                return (float(values.min()), float(values.max())) if values.size else None

    found = [limits for limits in attempts(files, extremes) if limits and not isinstance(limits, Exception)]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else (0.0, 0.0)


def attempts(
    files: Sequence[Path], action: Callable[[Path], Result], chunk: int = CHUNK
) -> Iterator[Result | Exception]:
    """Yield what an action makes of each file, in their order, or the error; up to `chunk` are under way at a time."""

    def attempt(path: Path) -> Result | Exception:
        try:
            return action(path)
        except Exception as error:  # see `read`
            return error

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow releases the GIL while it decodes and resizes
        for start in range(0, len(files), chunk):
            yield from pool.map(attempt, files[start : start + chunk])


def _half(image: Image.Image, half: Half) -> Image.Image:
    """The left or right half of an image.

    Raises:
        ValueError: it has no halves of whole pixels.
    """
    width, height = image.size
    if width % 2:
        raise ValueError(f"a width of {width} pixels, which is odd, has no two halves")
    return image.crop((0, 0, width // 2, height) if half == "left" else (width // 2, 0, width, height))


def _alone_if_large(image: Image.Image) -> AbstractContextManager[object]:
    """Let one thread at a time load a large image, which takes hundreds of megabytes."""
    return _large_images if image.width * image.height > LARGE else nullcontext()


def _is_wide(image: Image.Image) -> bool:
    """True for pixels of 16 or 32 bits or floating points, which Pillow would clip."""
    return image.mode == "F" or image.mode.startswith("I")


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


def _plain(image: Image.Image, mode: str, limits: Limits | None, background: str) -> tuple[Image.Image, bool]:
    """Convert an image of any mode to "L" or "RGB"; the second value tells whether its visible part can't be seen."""
    hidden = False
    if _is_wide(image):
        assert limits is not None
        return Image.fromarray(_stretched(np.asarray(image, np.float64), limits)).convert(mode), hidden
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", picture.size, background), picture)
        hidden = _spread(picture.getchannel("A")) >= FAINT > _spread(image.convert("RGB"))
    plain = image.convert(mode)
    if limits is not None:
        table = _stretched(np.arange(256, dtype=np.float64), limits).tolist()
        plain = plain.point(table * len(plain.getbands()))
    return plain, hidden


def _stretched(values: NDArray[np.float64], limits: Limits) -> Pixels:
    """Map the first limit to 0 and the second to 255; what has no value is black."""
    low, high = limits
    scaled = (np.nan_to_num(values, nan=low) - low) * (255 / (high - low or 1))
    pixels: Pixels = np.rint(scaled.clip(0, 255)).astype(np.uint8)
    return pixels


def _spread(image: Image.Image) -> int:
    """The largest difference of two values in a channel of 8 bits."""
    return max(int(np.ptp(np.asarray(band))) for band in image.split())


def _faint(histogram: NDArray[np.int64], limits: Limits | None) -> str | None:
    """A warning where nearly all pixels of all images have nearly the same value."""
    shares = histogram.cumsum() / histogram.sum()
    low, high = int(np.searchsorted(shares, STRAY)), int(np.searchsorted(shares, 1 - STRAY))
    if high - low >= FAINT:
        return None
    black, white = limits or (0, 255)
    ends = [f"{black + value * (white - black) / 255:g}" for value in (low, high if high > low else high + 1)]
    return (
        f"nearly all pixels of the images lie between {low} and {high} of 255, where next to nothing can be seen; "
        f"data.window=[{','.join(ends)}] stretches this range from black to white"
    )


def _pages(image: Image.Image) -> int:
    """The number of pages or frames; a photo's preview (MPO) and the layers of a drawing (PSD) are none."""
    try:
        return 1 if image.format in ("MPO", "PSD") else int(getattr(image, "n_frames", 1))
    except Exception:  # what follows the first page is damaged
        return 1


def _reason(error: Exception) -> str:
    """The reason of an error, without the path of the file, which Pillow often repeats."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__
