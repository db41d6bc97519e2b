"""A folder of images, resized once into one file that trains without them.

The file is a .npz of the arrays `images` (n, height, width, channels), of the type of the depth, and where the folder
or a table of labels has classes `labels` int64 (n,) and `classes`, their names by label. The same folder gives the same
bytes.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_lab.data import decoding, values
from gan_lab.data.array_files import Array
from gan_lab.data.image_files import Fit
from gan_lab.data.sorted_folder import SortedFolder, by_class
from gan_lab.data.sources import Source
from gan_lab.data.windows import Window
from gan_lab.utils.depth import Kind, Limits
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import bar
from gan_lab.utils.types import ImageSize

AT_ONCE = 1 << 24  # bytes that are turned round and written at a time
UNCHANGING = (1980, 1, 1, 0, 0, 0)  # time of a member, so that the bytes depend on nothing but the images


class Packed(NamedTuple):
    """Images (n, channels, height, width) of the type of the depth, without damaged files, and what is known of them.

    Args:
        pixels: the images.
        labels: of the images.
        lines: about the files.
        window: the values that are black and white, of images with more than 8 bits; else None.
    """

    pixels: Array
    labels: list[int]
    lines: list[str]
    window: Limits | None


class Chosen(NamedTuple):
    """The files to pack, the label of each, and the names of the classes."""

    files: list[Path]
    labels: list[int]
    classes: list[str]


def choose(sorting: SortedFolder, split: str | None) -> Chosen:
    """The files of a folder, or of one of its splits; labels as of `ImageFolder`.

    Args:
        sorting: the images of the folder or archive.
        split: "train" or "test", of a folder that has splits of its own.

    Raises:
        UserError: the folder has splits and none is named, or the other way round.
    """
    root, classes = sorting.source.root, sorting.classes
    if not sorting.has_own_test and split == "test":
        raise UserError(f"--split test: {root} has no images for testing of its own; leave --split out")
    if sorting.has_own_test and split is None:
        raise UserError(f"{root} has splits of its own: pack each into a file, with --split train and --split test")
    groups = sorting.splits[split] if sorting.has_own_test and split else by_class(classes.of, classes)
    there = {*classes.of.values()}  # a combination of attributes may have no image
    names = [name for name in classes.names if name in there]
    if sorted(sorting.source.classes) == sorted(names):
        names = [*sorting.source.classes]
    if names == [""]:
        return Chosen([path for paths in groups.values() for path in paths], [], [])
    labelled = [(path, label) for label, name in enumerate(names) for path in groups.get(name, [])]
    return Chosen([path for path, _ in labelled], [label for _, label in labelled], names)


def decode(
    source: Source,
    chosen: Chosen,
    size: ImageSize,
    channels: int,
    *,
    window: Limits | None,
    background: str,
    fit: Fit,
    of: str,
    depth: Kind = 8,
) -> Packed:
    """Decode and resize files as `image_folder` does.

    Args:
        source: that holds the files.
        chosen: the files.
        size: of the images, (height, width) or the side of squares.
        channels: 1 for grey, 3 for RGB, or as many as the files have.
        window: what becomes black and white; None takes the range of wide pixels of these files.
        background: colour under transparent pixels.
        fit: how pictures get their shape, as of `image_files.read`.
        of: beginning of the message where memory is short.
        depth: 8 bits, 16, or "float": the values to pack.

    Raises:
        UserError: all files are damaged, or they don't fit into memory, or the depth doesn't hold the window.
    """
    try:
        limits = Window(window, chosen.files, kind=depth, source=source, of_all=values.needed(depth, channels))
        dtype = limits.depth.array
    except ValueError as error:
        raise UserError(str(error).replace("data.depth=", "--depth ").replace("data.window", "--window")) from error
    out = decoding.allocate(len(chosen.files), channels, size, of=of, dtype=dtype)
    outcome = decoding.decode(chosen.files, out, window=limits, background=background, fit=fit, source=source)
    damaged = set(outcome.damaged)
    labels = [label for index, label in enumerate(chosen.labels) if index not in damaged]
    deep = limits.limits if depth != 8 else None
    return Packed(out[: len(chosen.files) - len(damaged)], labels, outcome.warnings, deep)


def write(path: Path, pixels: Array, labels: Sequence[int], classes: Sequence[str], *, compress: bool = False) -> None:
    """Write the file.

    Args:
        path: of the file, in a folder that exists.
        pixels: (n, channels, height, width), of any type.
        labels: of the images; nothing where there are no classes.
        classes: their names.
        compress: make the file smaller, which takes longer to write and to read.
    """
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    count, channels, height, width = pixels.shape
    with zipfile.ZipFile(path, "w", kind) as packed:
        with packed.open(_member("images", kind), "w", force_zip64=True) as file:
            shape = (count, height, width, channels)
            form = {"descr": np.lib.format.dtype_to_descr(pixels.dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, form)
            step = max(1, AT_ONCE // max(1, pixels[:1].nbytes))
            for start in bar(range(0, count, step), "Packing", -(-count // step), "images", each=step):
                file.write(np.ascontiguousarray(pixels[start : start + step].transpose(0, 2, 3, 1)).tobytes())
        if classes:
            others: dict[str, NDArray[np.generic]] = {
                "labels": np.asarray(labels, np.int64),
                "classes": np.asarray(classes, np.str_),
            }
            for name, array in others.items():
                with packed.open(_member(name, kind), "w") as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)


def _member(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{name}.npy", UNCHANGING)
    info.compress_type = kind
    return info
