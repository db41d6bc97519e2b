"""Image files of any kind that Pillow reads: finding them, and decoding them to squares of one size."""

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

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]
NAMED = 5  # damaged files that a warning names
MANY = 1000  # files that are worth a progress bar
CHUNK = 1024  # files that wait in the threads' queue at once
HEADROOM = 4  # a JPEG may be decoded at a fraction of its size that leaves so many times the pixels needed, a side


def existing_folder(path: str, option: str) -> Path:
    """The folder that an option names.

    Raises:
        UserError: there is none.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise UserError(f"{option}={path}: {problem}")
    return folder


def extensions() -> frozenset[str]:
    """Endings, in lower case, of the formats that are read."""
    return frozenset(ending for ending, kind in Image.registered_extensions().items() if kind in formats())


@cache
def formats() -> tuple[str, ...]:
    """The formats that Pillow reads by itself; it hands PostScript, a programming language, to another program."""
    Image.init()
    return tuple(kind for kind in Image.OPEN if kind != "EPS")


def find(folder: Path) -> list[Path]:
    """All image files at any depth below a folder, by their endings, in the order of their names.

    Hidden files and folders are none of ours (macOS leaves a hidden `._photo.jpg` beside a `photo.jpg`); links are
    followed, each folder once.

    Raises:
        UserError: there is none.
    """
    endings, seen, found = extensions(), set(), []
    for place, subfolders, names in os.walk(folder, followlinks=True):
        here = os.path.realpath(place)
        if here in seen:
            subfolders.clear()
            continue
        seen.add(here)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in endings:
                found.append(Path(place, name))
    if not found:
        raise UserError(f"{folder}: there are no images in this folder, no files named .png, .jpg, .webp or the like")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def hold_out(files: Sequence[Path], share: float) -> tuple[list[Path], list[Path]]:
    """Files to train on and files to test with: for a share of 0.1 every tenth is for testing, never the first."""
    tests = [int((index + 1) * share) > int(index * share) for index in range(len(files))]
    train = [path for path, test in zip(files, tests, strict=True) if not test]
    return train, [path for path, test in zip(files, tests, strict=True) if test]


def read(path: Path, size: int, channels: int) -> Pixels:
    """One image as uint8 (channels, size, size): 1 channel is grey, 3 are RGB.

    The picture is turned as its camera noted (EXIF), what is transparent is laid on white, 16 bits become 8, the
    shorter side is resized to `size` and the middle of the longer one kept. The filter is Pillow's bicubic, which
    averages over what it shrinks. An image of the right size keeps every pixel.

    Raises:
        Exception: of almost any type, where the file is damaged or no image: Pillow's decoders differ.
    """
    with Image.open(path, formats=formats()) as image:
        image.draft(None, (HEADROOM * size, HEADROOM * size))  # JPEG only; several times faster for photos
        ImageOps.exif_transpose(image, in_place=True)
        plain = _plain(image, "L" if channels == 1 else "RGB")
    square = np.asarray(ImageOps.fit(plain, (size, size), Image.Resampling.BICUBIC))
    return square[None] if channels == 1 else square.transpose(2, 0, 1)


def decode(files: Sequence[Path], out: Pixels, *, quiet: bool = False) -> list[int]:
    """Decode files, in their order, with one thread a core.

    Damaged files are left out, and a warning says how many there are and names the first. A progress bar is shown
    on a terminal when there are many files.

    Args:
        files: what to decode.
        out: where to, uint8 (len(files), channels, size, size); what is left over at its end stays as it is.
        quiet: neither bar nor warning: another process shows them.

    Returns:
        The places of the damaged files in `files`.

    Raises:
        UserError: all of them are damaged.
    """
    damaged: dict[int, Exception] = {}
    images = _attempts(files, size=out.shape[-1], channels=out.shape[1])
    bar = tqdm(images, "Decoding", len(files), unit=" images", disable=True if quiet or len(files) < MANY else None)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # of oddities in files that can be read all the same
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
            raise UserError(f"{message}. There is none left.")
        if not quiet:
            log.warning("%s. They are left out.", message)
    return list(damaged)


def _attempts(files: Sequence[Path], size: int, channels: int) -> Iterator[Pixels | Exception]:
    def attempt(path: Path) -> Pixels | Exception:
        try:
            return read(path, size, channels)
        except Exception as error:  # see `read`
            return error

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding and resizing leave Python's lock to others
        for start in range(0, len(files), CHUNK):
            yield from pool.map(attempt, files[start : start + CHUNK])


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """The image in mode "L" or "RGB", whatever Pillow made of the file."""
    if image.mode == "F":
        raise ValueError("its floating-point pixels have no known range")
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip; in mode I, it fills 16 of 32
        wide = np.asarray(image).astype(np.int64).clip(0, 65535)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8)).convert(mode)
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert(mode)
    return image.convert(mode)


def _reason(error: Exception) -> str:
    """What is wrong with a file, without its path, which Pillow likes to repeat."""
    if isinstance(error, UnidentifiedImageError):
        return "no image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__
