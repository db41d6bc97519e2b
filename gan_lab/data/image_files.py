"""Image files in any format that Pillow reads: search, and decoding to squares of one size."""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from gan_lab.utils.errors import UserError
from gan_lab.utils.files import open_regular

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
NAMED = 5  # number of damaged files that a warning names
MANY = 1000  # number of files from which on a progress bar is shown
CHUNK = 1024  # number of files in the threads' queue at once
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


def extensions() -> frozenset[str]:
    """File extensions of the supported formats, in lower case."""
    return frozenset(ending for ending, kind in Image.registered_extensions().items() if kind in formats())


@cache
def formats() -> tuple[str, ...]:
    """Pillow's formats without EPS: PostScript is a programming language, which Pillow passes to another program."""
    Image.init()
    return tuple(kind for kind in Image.OPEN if kind != "EPS")


def find(folder: Path) -> list[Path]:
    """Find all image files at any depth below a folder by their extensions, sorted by path.

    Hidden files and folders are skipped: macOS leaves a hidden `._photo.jpg` beside a `photo.jpg`. Links are followed,
    and each folder is visited once.

    Raises:
        UserError: the folder holds no image files.
    """
    endings, visited, files = extensions(), set(), []
    for place, subfolders, names in os.walk(folder, followlinks=True):
        here = os.path.realpath(place)
        if here in visited:
            subfolders.clear()
            continue
        visited.add(here)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in endings:
                files.append(Path(place, name))
    if not files:
        raise UserError(f"{folder}: contains no images (no files named .png, .jpg, .webp or similar)")
    return sorted(files, key=lambda path: path.relative_to(folder).as_posix())


def split_files(files: Sequence[Path], test_fraction: float) -> tuple[list[Path], list[Path]]:
    """Split files into training and test files: with a fraction of 0.1 every tenth is a test file, never the first."""
    tests = [int((index + 1) * test_fraction) > int(index * test_fraction) for index in range(len(files))]
    train = [path for path, test in zip(files, tests, strict=True) if not test]
    return train, [path for path, test in zip(files, tests, strict=True) if test]


def read(path: Path, size: int, channels: int) -> Pixels:
    """Decode one image to uint8 (channels, size, size): 1 channel is grey, 3 are RGB.

    The EXIF orientation is applied, transparent pixels are laid over white, and 16 bits become 8. The shorter side is
    resized to `size`, and the longer one cropped to its centre. The filter is Pillow's bicubic, which antialiases. An
    image of the right size keeps every pixel.

    Raises:
        Exception: the file is damaged or not an image; the type depends on Pillow's decoder.
    """
    with open_regular(path) as file, Image.open(file, formats=formats()) as image:
        image.draft(None, (HEADROOM * size, HEADROOM * size))  # JPEG only; several times faster for photos
        ImageOps.exif_transpose(image, in_place=True)
        plain = _plain(image, "L" if channels == 1 else "RGB")
    square = np.asarray(ImageOps.fit(plain, (size, size), Image.Resampling.BICUBIC))
    return square[None] if channels == 1 else square.transpose(2, 0, 1)


def decode(files: Sequence[Path], out: Pixels, *, quiet: bool = False) -> list[int]:
    """Decode files in their order, with one thread per core.

    Damaged files are left out, and a warning counts them and names the first. A terminal shows a progress bar for many
    files.

    Args:
        files: the image files.
        out: target, uint8 (len(files), channels, size, size); the rows left over at its end stay unchanged.
        quiet: show neither bar nor warning, as another process does.

    Returns:
        The indices of the damaged files in `files`.

    Raises:
        UserError: all files are damaged.
    """
    damaged: dict[int, Exception] = {}
    images = _attempts(files, size=out.shape[-1], channels=out.shape[1])
    bar = tqdm(images, "Decoding", len(files), unit=" images", disable=True if quiet or len(files) < MANY else None)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # about oddities in readable files
        for index, pixels in enumerate(bar):
            if isinstance(pixels, Exception):
                damaged[index] = pixels
            else:
                out[index - len(damaged)] = pixels
    if damaged:
        named = [f"{files[index]} ({_reason(error)})" for index, error in list(damaged.items())[:NAMED]]
        more = [f"and {len(damaged) - NAMED:,} more"] if len(damaged) > NAMED else []
        message = f"{len(damaged):,} of {len(files):,} images can't be read: {', '.join(named + more)}"
        if len(damaged) == len(files):
            raise UserError(f"{message}. No image is left.")
        if not quiet:
            log.warning("%s. These files are left out.", message)
    return list(damaged)


def _attempts(files: Sequence[Path], size: int, channels: int) -> Iterator[Pixels | Exception]:
    def attempt(path: Path) -> Pixels | Exception:
        try:
            return read(path, size, channels)
        except Exception as error:  # see `read`
            return error

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow releases the GIL while it decodes and resizes
        for start in range(0, len(files), CHUNK):
            yield from pool.map(attempt, files[start : start + CHUNK])


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """Convert an image of any mode to "L" or "RGB"."""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip; in mode I they fill 16 of 32
        wide = np.asarray(image).astype(np.int64).clip(0, 65535)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8)).convert(mode)
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert(mode)
    return image.convert(mode)


def _reason(error: Exception) -> str:
    """The reason of an error, without the path of the file, which Pillow often repeats."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__
