"""Images from elsewhere, to be evaluated: a folder, a zip archive, or a file of an array."""

import json
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_lab.data import decoding
from gan_lab.data.archives import Tar, Zip
from gan_lab.data.formats import GREY, formats, is_wide
from gan_lab.data.listing import in_natural_order
from gan_lab.data.sources import Folder, Source
from gan_lab.runs.checkpoint_io import tensor_in_memory
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import open_regular

log = logging.getLogger(__name__)

FORM = "uint8 (n, 1 or 3, height, width) or (n, height, width, 1 or 3)"
PICTURES = ("images", "arr_0")  # names of the images in a .npz file: ours, and the one that others' samples have
LABELS = ("labels", "arr_1")
STYLEGAN = "dataset.json"  # in an archive of StyleGAN's dataset_tool: "labels", pairs of a file and its class
DEPTHS = (1, 3)


class Found(NamedTuple):
    """Images, and their labels where the source has any.

    Args:
        images: uint8, shape (n, channels, height, width).
        labels: int64, shape (n,), from 0 on; None without.
        classes: names by label, which are the labels themselves where they have no others; None without labels.
    """

    images: Tensor
    labels: Tensor | None = None
    classes: Sequence[str] | None = None


def load(source: Path, channels: int) -> Tensor:
    """Load images uint8 (n, channels, height, width) to be compared with those of a dataset.

    Args:
        source: as of `load_labelled`.
        channels: of the dataset; image files are read as grey or RGB accordingly.

    Raises:
        UserError: the source is missing, or holds anything else.
    """
    images = load_labelled(source, channels).images
    if channels == 3 and images.shape[1] == 1:
        raise UserError(f"{source} holds grey images, but the dataset is RGB")
    return images


def load_labelled(source: Path, channels: int | None) -> Found:
    """Load images and labels from a folder, a .zip or .tar archive of images, or from a .pt, .npy or .npz file.

    An archive is read without being unpacked. Loading executes no code from a file. The images in a .pt, .npy or .npz
    file stay as they are. Labels are those of a .npz file's `labels`, whose `classes` are their names, those of the
    `dataset.json` in an archive, or else the first subfolders, where all images lie in several.

    Args:
        source: the folder or file.
        channels: as which image files are read, 1 for grey and 3 for RGB; None goes by the first one.

    Raises:
        UserError: the source is missing, or holds anything else.
    """
    if source.is_dir():
        return _pictures(Folder(source), channels)
    if not source.exists():
        raise UserError(f"{source}: no such file or folder")
    if source.suffix.lower() == ".zip":
        return _pictures(Zip(source), channels)
    if source.suffix.lower() == ".tar":
        return _pictures(Tar(source.parent, [source]), channels)
    readers = {".pt": _tensor, ".npy": _array, ".npz": _arrays}
    if source.suffix not in readers:
        raise UserError(f"{source}: not a run folder, a folder of images, or a .zip, .tar, .npy, .npz or .pt file")
    try:
        content = readers[source.suffix](source)
    except Exception as error:  # readers raise almost any type
        raise UserError(f"{source} can't be read as images {FORM}: {reason(error)}") from error
    images, labels, names = content if isinstance(content, tuple) else (content, None, None)
    if not isinstance(images, Tensor):
        raise UserError(f"{source} must hold images {FORM}, not {type(images).__name__}")
    given = tuple(images.shape)
    if images.dim() == 4 and images.shape[1] not in DEPTHS and images.shape[3] in DEPTHS:
        images = images.permute(0, 3, 1, 2).contiguous()
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] not in DEPTHS or not images.numel():
        kind = str(images.dtype).removeprefix("torch.")
        raise UserError(f"{source} must hold images {FORM}, not {kind} {given}")
    return Found(images) if labels is None else _labelled(images, labels, source, names)


def _tensor(source: Path) -> object:
    with open_regular(source) as file:
        content: object = torch.load(file, map_location="cpu", weights_only=True)
    return tensor_in_memory(content) if isinstance(content, Tensor) else content


def _array(source: Path) -> object:
    with open_regular(source) as file:
        if file.read(6) != b"\x93NUMPY":
            raise ValueError("not a .npy file")
        file.seek(0)
        return torch.from_numpy(np.load(file, allow_pickle=False))


def _arrays(source: Path) -> object:
    with open_regular(source) as file, np.load(file, allow_pickle=False) as content:
        if {"mu", "sigma"} <= set(content.files):
            raise ValueError(f"it holds statistics, which take the place of images: --statistics {source}")
        name = next((name for name in PICTURES if name in content.files), None)
        if name is None:
            raise ValueError(f"none of its arrays is named {' or '.join(PICTURES)}")
        labels = next((content[other] for other in LABELS if other in content.files), None)
        return torch.from_numpy(content[name]), labels, content["classes"] if "classes" in content.files else None


def _labelled(images: Tensor, labels: object, source: Path, names: object = None) -> Found:
    """Images with labels and the names of their classes, each from an array."""
    array, count = np.asarray(labels), len(images)
    if array.shape != (count,) or array.dtype.kind not in "iu" or (count and array.min() < 0):
        raise UserError(f"{source}: labels must be {count:,} whole numbers from 0 on, not {array.dtype} {array.shape}")
    classes = range(int(array.max()) + 1) if names is None else np.asarray(names).tolist()
    if array.max() >= len(classes):
        raise UserError(f"{source}: has labels up to {array.max()}, and names for {len(classes)} classes only")
    return Found(images, torch.from_numpy(array.astype(np.int64)), [*map(str, classes)])


def _pictures(source: Source, channels: int | None) -> Found:
    """Decode all images of a folder or archive; they must be of one size, as resizing would change their scores."""
    files = source.find(log.log)
    sizes: dict[tuple[int, int], str] = {}
    for path in files:
        try:
            with source.open(path) as file, Image.open(file, formats=formats()) as image:
                sizes.setdefault(image.size, str(path.relative_to(source.root)))
                channels = channels or _channels(image)
        except Exception:  # damaged: `decode` warns, and leaves the file out
            continue
    if len(sizes) > 1:
        first, second = (f"{name} has {size[0]}x{size[1]}" for size, name in [*sizes.items()][:2])
        raise UserError(f"{source.root}: the images must be of one size, but {first} pixels and {second}")
    width, height = next(iter(sizes), (1, 1))
    out = decoding.allocate(len(files), channels or 3, (height, width), of=str(source.root))
    outcome = decoding.decode(files, out, source=source)
    for warning in outcome.warnings:
        log.warning("%s: %s", source.root, warning)
    images = torch.from_numpy(out[: len(files) - len(outcome.damaged)])
    damaged = set(outcome.damaged)
    kept = [path for index, path in enumerate(files) if index not in damaged]
    names = [path.relative_to(source.root).as_posix() for path in kept]
    listed = _stylegan_labels(source.root, names) if isinstance(source, Zip) else None
    if listed is not None:
        return _labelled(images, listed, source.root)
    folders = [name.split("/")[0] if "/" in name else "" for name in names]
    classes = in_natural_order({*folders})
    if "" in classes or len(classes) < 2:
        return Found(images)
    return Found(images, torch.tensor([classes.index(folder) for folder in folders]), classes)


def _channels(image: Image.Image) -> int:
    return 1 if image.mode in GREY or is_wide(image) else 3


def _stylegan_labels(archive: Path, names: Sequence[str]) -> list[object] | None:
    """Labels from the list in an archive of StyleGAN's, by the images' names below what they share."""
    with open_regular(archive) as file, zipfile.ZipFile(file) as opened:
        if STYLEGAN not in opened.namelist():
            return None
        try:
            listed = json.loads(opened.read(STYLEGAN)).get("labels")
            known = {str(name): label for name, label in listed} if listed else {}
        except (ValueError, TypeError, AttributeError) as error:
            raise UserError(f"{archive}: {STYLEGAN} can't be read: {reason(error)}") from error
    above = next((name[: -len(names[0])] for name in known if f"/{name}".endswith(f"/{names[0]}")), "")
    if any(above + name not in known for name in names):
        return None
    return [known[above + name] for name in names]
