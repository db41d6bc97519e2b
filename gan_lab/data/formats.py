"""The formats of image files that are read: those that Pillow decodes itself, arrays, medical files."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from threading import Lock

from PIL import Image

from gan_lab.data import array_files, medical

# What Pillow decodes itself. Other formats wrap files of any format, or are programs: it hands PostScript, also from
# within IPTC, to Ghostscript.
FORMATS = "AVIF BMP DIB GIF ICO JPEG JPEG2000 MPO PNG PPM QOI SGI TGA TIFF WEBP"
GREY = ("1", "L", "LA")  # Pillow's modes of 8 bits without colour
LARGE = 1 << 24  # pixels of an image from which on one is decoded at a time
_large_images = Lock()


def extensions() -> frozenset[str]:
    """File extensions of the supported formats, in lower case."""
    pictures = frozenset(ending for ending, kind in Image.registered_extensions().items() if kind in formats())
    return pictures | {array_files.ENDING} | (set(medical.ENDINGS) if medical.is_installed() else set())


@cache
def formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow decodes."""
    Image.init()
    return tuple(kind for kind in FORMATS.split() if kind in Image.OPEN)


def is_wide(image: Image.Image) -> bool:
    """True for pixels of 16 or 32 bits or floating points, which Pillow would clip."""
    return image.mode == "F" or image.mode.startswith("I")


def alone_if_large(image: Image.Image) -> AbstractContextManager[object]:
    """Let one thread at a time load a large image, which takes hundreds of megabytes."""
    return _large_images if image.width * image.height > LARGE else nullcontext()
