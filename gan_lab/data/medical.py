"""DICOM files and NIfTI volumes as images, with the packages of the extra `medical`."""

import gzip
import io
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Literal

import numpy as np

from gan_lab.data.array_files import Array
from gan_lab.utils import extras
from gan_lab.utils.errors import UserError

Open = Callable[[Path], BinaryIO]
DICOM = (".dcm", ".dicom")
NIFTI = (".nii", ".nii.gz")
ENDINGS = (*DICOM, *NIFTI)
EXTRA = "medical"
HEAD = 1 << 16  # bytes in which a NIfTI file's header is
LARGEST = 1 << 34  # bytes of an unpacked volume
ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_one_at_a_time = Lock()  # volumes, which are large


def is_medical(name: str) -> bool:
    """True for a file that this module reads, by its ending."""
    return name.lower().endswith(ENDINGS)


def parted(name: str) -> tuple[str, str]:
    """The stem and the ending of a file's name, `scan` and `.nii.gz`."""
    ending = next((each for each in sorted(ENDINGS, key=len, reverse=True) if name.lower().endswith(each)), "")
    return name[: len(name) - len(ending)], name[len(name) - len(ending) :]


@cache
def is_installed() -> bool:
    """True where medical files can be read."""
    try:
        extras.require("DICOM and NIfTI files", EXTRA, "pydicom", "nibabel")
    except UserError:
        return False
    return True


def forget() -> None:
    """Let go of the volumes that were cut last."""
    _volume.cache_clear()


def count(file: Path, opened: Open, axis: int) -> int:
    """The number of images in a file: frames of a DICOM file, slices of a volume along an axis.

    Raises:
        Exception: the file is damaged; the type depends on the library that reads it.
    """
    if not file.name.lower().endswith(DICOM):
        return _shape(file, opened)[axis]
    import pydicom

    with opened(file) as content:
        found = pydicom.dcmread(content, stop_before_pixels=True, specific_tags=["NumberOfFrames"])
    return int(found.get("NumberOfFrames") or 1)


def read(file: Path, opened: Open, index: int, axis: int) -> Array:
    """The values of an image, (height, width, channels), in the file's own units: Hounsfield units of a CT, say.

    Args:
        file: its name.
        opened: opens a file by its name.
        index: of the frame or slice.
        axis: of a volume's slices: 0 from left to right, 1 from back to front, 2 from below to above.

    Raises:
        Exception: the file is damaged; the type depends on the library that reads it.
    """
    if file.name.lower().endswith(DICOM):
        with opened(file) as content:
            return _of_dicom(content, index)
    with _one_at_a_time:
        volume = _volume(file, opened)
    # What is last is up: the front of the head, or its top. Rows go down.
    return np.rot90(np.take(volume, index, axis))


def _of_dicom(content: BinaryIO, index: int) -> Array:
    """A frame, in the units of its rescale slope and intercept (DICOM PS3.3, C.11.1.1), larger values brighter."""
    import pydicom
    from pydicom.pixels import apply_color_lut, apply_rescale, pixel_array

    found = pydicom.dcmread(content)
    pixels: Array = pixel_array(found, index=index if found.get("NumberOfFrames") else None)
    kind = found.PhotometricInterpretation
    if kind == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, found)
        return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
    if pixels.ndim == 3:
        return pixels
    if kind == "MONOCHROME1":  # the smallest value is white
        largest = 2**found.BitsStored - 1 if not found.PixelRepresentation else -1
        pixels = largest - pixels.astype(np.int32)
    if found.get("RescaleSlope", 1) != 1 or found.get("RescaleIntercept", 0) != 0:
        pixels = apply_rescale(pixels, found)
        if np.array_equal(pixels, np.rint(pixels)):
            pixels = pixels.astype(np.int32)
    return pixels[:, :, None]


def _shape(file: Path, opened: Open) -> tuple[int, ...]:
    """The shape of a NIfTI volume: (left to right, back to front, below to above)."""
    import nibabel

    with opened(file) as content:
        head = _unpacked(file, content, HEAD)
    header = _kind(head).header_class.from_fileobj(io.BytesIO(head), check=False)
    shape = header.get_data_shape()
    if len(shape) < 3 or min(shape) < 1:
        raise ValueError(f"a NIfTI file of the shape {tuple(shape)} is no volume")
    places = np.argsort(nibabel.io_orientation(header.get_best_affine())[:, 0])
    return tuple(int(shape[place]) for place in places)


@lru_cache(maxsize=2)  # of the volume that is cut, and the one before, whose last slices are under way
def _volume(file: Path, opened: Open) -> Array:
    """The values of a volume, (left to right, back to front, below to above, channels)."""
    import nibabel

    with opened(file) as content:
        data = _unpacked(file, content, LARGEST)
    image = _kind(data).from_bytes(data)
    is_scaled = (image.dataobj.slope, image.dataobj.inter) != (1, 0)
    values = np.asanyarray(image.dataobj) if is_scaled else image.dataobj.get_unscaled()
    values = nibabel.apply_orientation(values, nibabel.io_orientation(image.affine))
    volume: Array = values if values.ndim > 3 else values[..., None]
    return volume


def _unpacked(file: Path, content: BinaryIO, limit: int) -> bytes:
    """At most so many bytes of a file, which may be compressed by gzip."""
    if not file.name.lower().endswith(".gz"):
        return content.read(limit)
    with gzip.open(content) as unpacked:
        return unpacked.read(limit)


def _kind(head: bytes) -> Any:
    """The version of the NIfTI format, by the size that its header begins with."""
    import nibabel

    return nibabel.Nifti1Image if 348 in (int.from_bytes(head[:4], order) for order in ORDERS) else nibabel.Nifti2Image
