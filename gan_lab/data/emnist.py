"""EMNIST: handwritten letters and digits in MNIST's format."""

import string
from typing import Any, ClassVar, Literal

import torchvision.datasets
from torch import Tensor

from gan_lab.data import idx, unpacking
from gan_lab.data.named import NamedImages
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.errors import DamagedFileError

LARGEST = 1 << 30  # bytes of the archive, and of a file in it, unpacked; they have 562 and 547 million
Subset = Literal["balanced", "byclass", "bymerge", "letters", "digits", "mnist"]


class EMNIST(NamedImages):
    """28x28 grey characters (Cohen et al. 2017, arXiv:1702.05373), upright: the files hold them mirrored and turned.

    Args:
        subset: "byclass" has all 62 characters, "bymerge" and "balanced" the 47 that differ by more than their size,
            "letters" 26 in either case, "digits" and "mnist" ten.
    """

    key = "emnist"
    page = "https://www.nist.gov/itl/products-and-services/emnist-dataset (gzip.zip)"
    colours = 1
    archive: ClassVar = PublishedFile(
        "gzip.zip", torchvision.datasets.EMNIST.url, torchvision.datasets.EMNIST.md5, LARGEST
    )

    def __init__(self, *, subset: Subset, **options: Any) -> None:
        self.subset = subset
        self.title = f"EMNIST with data.subset={subset}"
        self.names = names_of(subset)
        self.classes = len(self.names)
        super().__init__(**options)

    def files(self) -> list[PublishedFile]:
        """The archive."""
        return [self.archive]

    def arrays(self, split: str) -> tuple[Tensor, Tensor]:
        """Load images uint8 (n, 1, 28, 28) and labels int64 (n,)."""
        self.class_names = self.names
        archive = self.path(self.archive)
        members = [f"gzip/emnist-{self.subset}-{split}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
        contents = unpacking.read(archive, members, largest=LARGEST)
        images, labels = (idx.parse(_unpacked(contents[name], f"{archive}: {name}"), archive) for name in members)
        if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
            raise DamagedFileError(
                f"{archive}: {members[0]} holds {tuple(images.shape)}, and {members[1]} {tuple(labels.shape)}"
            )
        first = 1 if self.subset == "letters" else 0
        return images.transpose(1, 2)[:, None].contiguous(), labels.long() - first


def names_of(subset: str) -> list[str]:
    """The characters of a subset by label."""
    digits, upper, lower = string.digits, string.ascii_uppercase, string.ascii_lowercase
    return list(
        {
            "byclass": digits + upper + lower,
            "bymerge": digits + upper + "abdefghnqrt",
            "balanced": digits + upper + "abdefghnqrt",
            "letters": lower,
        }.get(subset, digits)
    )


def _unpacked(content: bytes, name: str) -> bytes:
    plain = unpacking.gunzipped(content, name, largest=LARGEST)
    if len(plain) > LARGEST:
        raise DamagedFileError(f"{name} has more than {LARGEST:,} bytes")
    return plain
