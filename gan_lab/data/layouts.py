"""The usual layouts of two domains in one folder, as CycleGAN's and pix2pix's datasets have them.

trainA/x.png       trainB/x.png       testA/...
train/A/x.png      train/B/x.png      test/A/...
A/train/x.png      B/train/x.png      or A/x.png and B/x.png
"""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gan_lab.data.listing import SPLIT, Say
from gan_lab.data.sources import Source
from gan_lab.utils.errors import UserError

DOMAINS = ("a", "b")
SUFFIX = re.compile(r"(?P<split>.*?)[-_ ]?(?P<domain>[AaBb])")


class Domain(NamedTuple):
    """The image files of one domain.

    Args:
        root: the folder that holds them, and may hold others.
        files: the files by where they would lie in a folder of their own: `root`/train/x.png for `root`/trainA/x.png.
        prefix: of messages about the root, which is that of both domains.
    """

    root: Path
    files: dict[Path, Path]
    prefix: str = ""

    @property
    def label(self) -> str:
        """The folder, as messages call it."""
        return f"{self.prefix}{self.root}"

    def names(self, places: Sequence[Path]) -> list[str]:
        """The part that a file and its partner in another domain share: the place without the extension."""
        return [place.relative_to(self.root).with_suffix("").as_posix() for place in places]


def class_of(name: str) -> str:
    """The folder that a name of `Domain.names` begins with, a split's left out; nothing where it lies in none."""
    folders = name.split("/")[:-1]
    if folders and SPLIT.fullmatch(folders[0].casefold()):
        folders.pop(0)
    return folders[0] if folders else ""


def alone(source: Source, say: Say) -> Domain:
    """A domain that has a folder or archive of its own; errors as of `Source.find`."""
    return Domain(source.root, {path: path for path in source.find(say)})


def domains(sources: Sequence[Source], say: Say, *, otherwise: str) -> list[Domain]:
    """The domains in folders of their own, or both in one folder of one of the layouts.

    Args:
        sources: a folder or archive each, or the one that holds both.
        say: takes the level and the text of a line for the log.
        otherwise: the options to set where the one folder has no such layout.

    Raises:
        UserError: a domain has no images, or two files for the same one.
    """
    if len(sources) > 1:
        return [alone(source, say) for source in sources]
    (source,) = sources
    root = source.root
    found: dict[str, dict[Path, Path]] = {name: {} for name in DOMAINS}
    beside = 0
    for path in (files := source.find(say)):
        domain, place = _parted(path.relative_to(root))
        if domain is None:
            beside += 1
            continue
        if (known := found[domain].setdefault(root / place, path)) != path:
            raise UserError(f"data.root={root}: {known} and {path} stand for the same image; remove one of them")
    if not all(found.values()):
        raise UserError(
            f"data.root={root} has no images in folders trainA and trainB, train/A and train/B, or A and B; {otherwise}"
        )
    if beside:
        say(logging.WARNING, f"{root}: {beside:,} of {len(files):,} images lie beside the folders of A and B; not used")
    return [Domain(root, found[name], f"{name.upper()} in ") for name in DOMAINS]


def _parted(path: Path) -> tuple[str | None, Path]:
    """The domain that the folders of a relative path name, and the path without it."""
    first, *inside = path.parts
    if inside and (match := SUFFIX.fullmatch(first)):
        split = match["split"]
        if not split or SPLIT.fullmatch(split.casefold()):
            return match["domain"].lower(), Path(split, *inside)
    if len(inside) > 1 and SPLIT.fullmatch(first.casefold()) and inside[0].lower() in DOMAINS:
        return inside[0].lower(), Path(first, *inside[1:])
    return None, path
