"""Image files decoded to tensors: in memory, or in a memory-mapped cache where they don't fit.

Where they are many, and fit, the cache keeps them for the next start, which reads them into memory. Several processes
of a machine go through the cache, too: one decodes, and all map the file, of which the system has one copy in memory.

    <cache>/<key>/images.npy     (n, channels, height, width), of the type of the depth, the readable images first
    <cache>/<key>/outcome.json   the indices of the damaged files, warnings, the sizes of pictures, and the window

The key is a hash of each file's name, size and modification time, and of all that decides their pixels, and only this
user can compute it: pixels that a stranger has put there aren't found. A folder appears once it is complete.
"""

import json
import logging
import math
import shutil
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from PIL import ImageColor
from torch import Tensor

from gan_lab.data import decoding, mapped, values
from gan_lab.data.array_files import Array
from gan_lab.data.decoding import Outcome
from gan_lab.data.image_files import Fit, Half, Size
from gan_lab.data.listing import Say
from gan_lab.data.sources import OWN, Source
from gan_lab.data.windows import Window
from gan_lab.utils import memory
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.depth import Depth, Kind, Limits
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import open_regular, read_regular, remove_unfinished, unfinished, write_atomically
from gan_lab.utils.locks import held
from gan_lab.utils.own_key import own_key
from gan_lab.utils.sizes import by, height_and_width
from gan_lab.utils.types import ImageSize

log = logging.getLogger(__name__)

VERSION = 3  # of the decoding; a cache of another version is not used
LARGEST_OUTCOME = 1 << 30  # bytes; a picture takes about twelve
MEMORY_SHARE = 0.5  # of the available memory that decoded images may take
KEPT = 20_000  # files from which on decoded images are kept for the next start, where they fit into memory, too
DISK_SHARE = 0.1  # of the free disk that these may take


class Decoded(NamedTuple):
    """Images (n, channels, height, width), indices of damaged files, and sizes of pictures in the others."""

    images: Tensor
    damaged: list[int]
    sizes: list[Size]

    def labelled(self, labels: Sequence[int]) -> LabelledImages:
        """The images with their labels, int64 (n,), chosen from those of all files."""
        damaged = set(self.damaged)
        readable = [label for index, label in enumerate(labels) if index not in damaged]
        return LabelledImages(self.images, torch.tensor(readable, dtype=torch.long))


class Decoder:
    """Decodes image files, once where the result goes to the cache.

    Args:
        cache: the folder of the cache; created on first use.
        size: of the images, (height, width) or the side of squares.
        channels: 1 for grey, 3 for RGB, or as many as the files have.
        window: the pixel values that become black and white, of all images; None takes the range of those with more
            than 8 bits in `window.files`, which whoever knows the training files sets before any other call.
        background: the colour under transparent pixels, and around pictures with `fit="pad"`.
        fit: how pictures get the shape of `size`, as of `image_files.read`.
        half: of files with two images side by side, the one to decode.
        depth: 8 bits, 16, or "float": the values that images are kept with.
        source: that holds the files.

    Raises:
        ValueError: the window is empty, or none that the depth holds, or there is no such colour.
    """

    def __init__(
        self,
        *,
        cache: str,
        size: ImageSize,
        channels: int,
        window: Limits | None,
        background: str,
        fit: Fit = "crop",
        half: Half | None = None,
        depth: Kind = 8,
        source: Source = OWN,
    ) -> None:
        try:
            ImageColor.getrgb(background)
        except ValueError as error:
            raise ValueError(f"data.background={background}: no such colour; white, black or #ff8000, say") from error
        self.cache = Path(cache).expanduser()
        self.size = height_and_width(size)
        self.channels = channels
        self.background = background
        self.fit: Fit = fit
        self.half: Half | None = half
        self.source = source
        self.window = Window(window, kind=depth, source=source, of_all=values.needed(depth, channels))

    def at(self, size: ImageSize) -> "Decoder":
        """The same decoder for images of another size, with the same window."""
        other = copy(self)
        other.size = height_and_width(size)
        return other

    def prepare(self, root: Path, files: Sequence[Path], *, processes: int) -> None:
        """Fill the cache where the images don't fit into memory, are many, or serve several processes.

        Args:
            root: the folder that holds the files; a moved folder still finds its cache.
            files: the image files.
            processes: number of processes on this machine that will hold the images.

        Raises:
            UserError: all files are damaged, or the cache can't be written.
        """
        self._fill(self.cache / self._key(root, files), files, processes, quiet=False)

    def load(self, root: Path, files: Sequence[Path], *, processes: int, quiet: bool, say: Say = log.log) -> Decoded:
        """Load the images, from the cache if it holds them; other arguments and errors as of `prepare`.

        Several processes share one copy in memory, that of the system, and one of them decodes.

        Args:
            quiet: show and say nothing, as another process does.
            say: takes the level and the text of a line for the log.
        """
        entry = self.cache / self._key(root, files)
        fits = self._fits(len(files), processes)
        if processes > 1 or not fits:
            self._fill(entry, files, processes, quiet)
        if entry.exists():
            pixels, outcome = self._read(entry, len(files), None if fits and processes == 1 else "c")
        else:
            pixels = np.empty(self._shape(len(files)), self._type)
            outcome = self._decode(files, pixels, quiet)
        if not quiet:
            for warning in outcome.warnings:
                say(logging.WARNING, f"{root}: {warning}")
            if self.window.limits and not self.window.fixed:
                low, high = self.window.limits
                say(
                    logging.INFO,
                    f"{root}: of pixels with more than 8 bits {low:g} becomes black and {high:g} white; "
                    f"data.window=[{low:g},{high:g}] sets this",
                )
        images = mapped.as_tensor(pixels)[: len(files) - len(outcome.damaged)]
        return Decoded(images, outcome.damaged, outcome.sizes)

    def _fill(self, entry: Path, files: Sequence[Path], processes: int, quiet: bool) -> None:
        """Have the cache hold the images, where they belong there."""
        if entry.exists():
            return
        if not self._fits(len(files), processes):
            self._write(entry, files, quiet)
        elif self._is_kept(len(files), processes):
            with suppress(UserError):  # then each start, and each process, decodes them
                self._write(entry, files, quiet)

    def _decode(self, files: Sequence[Path], pixels: Array, quiet: bool) -> Outcome:
        form: dict[str, Any] = {"window": self.window, "background": self.background, "half": self.half}
        return decoding.decode(files, pixels, **form, fit=self.fit, quiet=quiet, source=self.source)

    def _shape(self, count: int) -> tuple[int, int, int, int]:
        return count, self.channels, *self.size

    @property
    def depth(self) -> Depth:
        """The depth of the images, whose window is that of all training files.

        Raises:
            UserError: it doesn't hold their range.
        """
        try:
            return self.window.depth
        except ValueError as error:
            raise UserError(str(error)) from error

    @property
    def _type(self) -> type[np.generic]:
        return self.depth.array

    def _bytes(self, count: int) -> int:
        each = {8: 1, 16: 2, "float": 4}[self.window.kind]
        return math.prod(self._shape(count)) * each

    def _fits(self, count: int, processes: int) -> bool:
        return self._bytes(count) * processes <= MEMORY_SHARE * memory.available()

    def _is_kept(self, count: int, processes: int) -> bool:
        """True where the result is worth a part of the disk: decoding takes long, or other processes need it, too."""
        if count < KEPT and processes == 1:
            return False
        place = next(folder for folder in (self.cache.absolute(), *self.cache.absolute().parents) if folder.exists())
        return self._bytes(count) <= DISK_SHARE * shutil.disk_usage(place).free

    def _key(self, root: Path, files: Sequence[Path]) -> str:
        limits = self.window.limits if self.window.fixed else None
        form = VERSION, self.size, self.fit, self.channels, limits, self.background, self.half, len(files)
        deep = (self.window.kind, self.source.axis) if self.window.of_all else ()  # else it is what it was before
        form = *form, *deep
        digest = blake2b(repr(form).encode(), digest_size=16, key=own_key())
        others = [] if self.window.fixed or self.window.files == files else self.window.files
        for path in (*files, *others):
            state = self.source.state(path)
            digest.update(repr((path.relative_to(root).as_posix(), *state)).encode())
        return digest.hexdigest()

    def _write(self, entry: Path, files: Sequence[Path], quiet: bool) -> None:
        """Decode into a folder of another name, and let it appear as `entry` when it is whole.

        One process at a time decodes into a cache. Decoding takes all cores, so nobody loses by waiting; and whatever
        is half-written was left by a killed program.
        """
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            with held(self.cache / ".lock", patience=-1):
                if not entry.exists():  # else another process was first, with the same content
                    self._decode_into(entry, files, quiet)
        except OSError as error:
            raise UserError(f"data.cache={self.cache} can't be written: {error.strerror or error}") from error

    def _decode_into(self, entry: Path, files: Sequence[Path], quiet: bool) -> None:
        for left in remove_unfinished(self.cache):
            log.info("Removed %s, which a killed process left behind", left)
        shape, size = self._shape(len(files)), self._bytes(len(files))
        free = shutil.disk_usage(self.cache).free
        if size > free:  # a full disk would kill a process that writes to a memory map
            raise UserError(
                f"data.cache={self.cache} has {free / 1e9:.1f} GB left, and {len(files):,} images of "
                f"{by(self.size)} pixels need {size / 1e9:.1f} GB; set it to a larger disk"
            )
        with unfinished(self.cache) as folder:
            whole = folder / entry.name
            whole.mkdir()
            pixels = np.lib.format.open_memmap(whole / "images.npy", mode="w+", dtype=self._type, shape=shape)
            outcome = self._decode(files, pixels, quiet)
            pixels.flush()
            del pixels  # Windows renames no folder with a mapped file in it
            write_atomically(whole / "outcome.json", json.dumps({**outcome._asdict(), "window": self.window.limits}))
            whole.rename(entry)
        if not quiet:
            log.info("%s images decoded into %s, for this start and the next", f"{len(files):,}", entry)

    def _read(self, entry: Path, count: int, mode: Literal["c"] | None) -> tuple[Array, Outcome]:
        try:
            found = json.loads(read_regular(entry / "outcome.json", LARGEST_OUTCOME))
            outcome = Outcome(
                found["damaged"], found["warnings"], [(width, height) for width, height in found["sizes"]]
            )
            if found["window"]:
                self.window.limits = tuple(found["window"])
            open_regular(entry / "images.npy").close()  # a pipe would have numpy wait
            # Copy on write: torch wants writable memory, and nothing reaches the file.
            pixels = np.load(entry / "images.npy", mmap_mode=mode)
            if pixels.shape != self._shape(count) or pixels.dtype != self._type:
                raise ValueError(f"images.npy holds {pixels.dtype} {pixels.shape}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{entry} is damaged: {error}. Remove the folder; the next run creates it again."
            ) from error
        return pixels, outcome
