"""Datasets of the Hugging Face hub, or in its formats on this machine, through the `datasets` library."""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from gan_lab.data import listing, unpacking
from gan_lab.data.named_files import Listed, NamedFiles
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.errors import DamagedFileError, UserError
from gan_lab.utils.extras import require
from gan_lab.utils.files import read_regular, remove_unfinished, unfinished
from gan_lab.utils.locks import held
from gan_lab.utils.terminal import bar
from gan_lab.utils.types import InputPath, Share

HUB = "hub:"  # begins the name of a dataset that is not on this machine
TESTS = ("test", "validation", "valid", "val")  # names of a split for testing, the first there is
LARGEST_TABLE = 1 << 30  # bytes of the labels; one takes a few
OF_A_LABEL = ("int", "uint", "bool", "string")  # what the type of a column of classes begins with


class Content(NamedTuple):
    """A split of a dataset: its rows, and the names of the columns that are used."""

    rows: Any
    image: str
    label: str | None


class HuggingFace(NamedFiles):
    """Images and classes of a dataset with a column of images.

    On first use each image is written to a file below `<root>/huggingface`, as it is encoded, and decoded from there as
    a folder of images is; the library is needed no more. No code that comes with a dataset is run.

    Args:
        path: `hub:` and the name of a dataset on the hub; or a folder, one that `save_to_disk` has written, or with
            parquet, arrow or image files.
        subset: name of the configuration, of a dataset that has several.
        revision: a commit or tag of the hub; None takes the newest when it is fetched.
        train_split: name of the split to train on.
        test_split: name of the one for testing; None takes the first of `TESTS` that there is, or else keeps a share of
            the training images.
        test_fraction: that share; None is every tenth image of a class, and must be None where there is a split.
        image_column: name of the column of images; None takes the first.
        label_column: name of the column of classes; None takes the first that knows their names.
    """

    key = "huggingface"
    page = "https://huggingface.co/datasets"

    def __init__(
        self,
        *,
        path: InputPath,
        subset: str | None,
        revision: str | None,
        train_split: str,
        test_split: str | None,
        test_fraction: Share | None,
        image_column: str | None,
        label_column: str | None,
        **options: Any,
    ) -> None:
        self.colours, self.classes = options["channels"], options["num_classes"]  # what a dataset has is not known yet
        _, is_hub, name = path.rpartition(HUB)  # a path is absolute in the configuration of a run
        self.hub = name if is_hub else None
        self.where = Path(path).expanduser()
        self.title = self.hub or str(self.where)
        super().__init__(**options)
        if self.hub is None and not self.where.is_dir():
            raise UserError(f"data.path={path}: no such folder; a dataset on the hub is {HUB}owner/name")
        self.subset = subset
        self.revision = revision
        self.train_split = train_split
        self.test_split = test_split
        self.test_fraction = test_fraction
        self.image_column = image_column
        self.label_column = label_column

    @cached_property
    def folder(self) -> Path:
        """The folder of this dataset's images and labels."""
        chosen = [self.subset, self.revision, self.train_split, self.test_split, self.image_column, self.label_column]
        state: list[object] = [self.hub, *chosen]
        if self.hub is None:
            files = sorted(path for path in self.where.rglob("*") if path.is_file())
            stats = [(path.relative_to(self.where).as_posix(), path.stat()) for path in files]
            state += [(name, found.st_size, found.st_mtime_ns) for name, found in stats]
        digest = sha256(json.dumps(state).encode()).hexdigest()[:16]
        readable = re.sub(r"[^\w.-]+", "_", self.hub or self.where.name)
        return self.shelf.place / f"{readable}-{digest}"

    def files(self) -> list[PublishedFile]:
        """No published files: the library fetches its own."""
        return []

    def tables(self) -> list[PublishedFile]:
        """No published files."""
        return []

    def prepare_data(self) -> None:
        """Fetch the dataset and write its images to files, once per machine.

        Raises:
            UserError: the library is missing, the dataset can't be had, or has no images or no such split or column.
        """
        if not self.folder.exists():
            require("data=huggingface", "huggingface", "datasets")
            if self.hub is not None and not self.shelf.download:
                raise UserError(
                    f"data.download=false: {self.hub} has not been fetched into {self.shelf.place}. Save it on a "
                    "machine with network, datasets.load_dataset(...).save_to_disk(FOLDER), and set data.path=FOLDER"
                )
            try:
                self.shelf.place.mkdir(parents=True, exist_ok=True)
                with held(self.shelf.place / ".lock", patience=-1):
                    if not self.folder.exists():  # else another program was first
                        self._write()
            except OSError as error:
                raise UserError(f"{self.shelf.place} can't be written: {error.strerror or error}") from error
        super().prepare_data()

    def listed(self) -> dict[str, Listed]:
        """The images of both splits by their numbers."""
        path = self.folder / "labels.json"
        try:
            table = json.loads(read_regular(path, LARGEST_TABLE))
            names, counts, labels = table["classes"], table["counts"], table["labels"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DamagedFileError(f"{path} is damaged") from error
        self._check(names)
        self.class_names = list(names) if self.num_classes > 1 else []
        splits = {}
        for split, count in counts.items():
            files = [self._file(self.folder, split, index) for index in range(count)]
            splits[split] = Listed(files, labels[split] if names else [0] * count)
        if "test" in splits:
            return splits
        return self._split(*splits["train"])

    def _check(self, names: Sequence[str]) -> None:
        if self.num_classes not in (1, len(names)):
            have = f"{len(names)} classes, {', '.join(names[:10])}" if names else "no classes that are known"
            way_out = (
                f"set data.num_classes={len(names)}, or 1 to ignore them"
                if names
                else "name the column of classes, data.label_column=..., or set data.num_classes=1"
            )
            raise UserError(f"data.num_classes={self.num_classes}: {self.title} has {have}; {way_out}")

    def _split(self, files: list[Path], labels: list[int]) -> dict[str, Listed]:
        """Training and test images, by class as of `listing.split_files`."""
        groups: dict[int, list[Path]] = defaultdict(list)
        for path, label in zip(files, labels, strict=True):
            groups[label].append(path)
        tests = {path for paths in groups.values() for path in listing.split_files(paths, self.test_fraction)[1]}
        splits = {"train": Listed([], []), "test": Listed([], [])}
        for path, label in zip(files, labels, strict=True):
            split = splits["test" if path in tests else "train"]
            split.files.append(path)
            split.labels.append(label)
        return splits

    @staticmethod
    def _file(folder: Path, split: str, index: int) -> Path:
        return folder / split / f"{index // 1000:06}" / f"{index:09}"  # few enough in a folder

    def _write(self) -> None:
        remove_unfinished(self.shelf.place)
        with unfinished(self.shelf.place) as scratch:
            whole = scratch / self.folder.name
            contents = self._contents(scratch / "cache")
            raw: dict[str, list[Any]] = {}
            for split, content in contents.items():
                raw[split] = []
                rows = bar(content.rows, f"Writing {split} images", len(content.rows), "images")
                for index, row in enumerate(rows):
                    image = row[content.image]
                    encoded = image["bytes"] if image and image["bytes"] is not None else self._read(image)
                    unpacking.put(self._file(whole, split, index), encoded)
                    raw[split].append(row[content.label] if content.label else 0)
            names = self._names(contents, raw)
            known = {name: label for label, name in enumerate(names)}
            if any(content.label and not self._knows(content) for content in contents.values()):
                raw = {split: [known[str(value)] for value in values] for split, values in raw.items()}
            table = {"classes": names, "counts": {split: len(each) for split, each in raw.items()}, "labels": raw}
            unpacking.put(whole / "labels.json", json.dumps(table).encode())
            whole.rename(self.folder)

    def _read(self, image: dict[str, Any] | None) -> bytes:
        """The content of an image that lies in a file; empty, which decoding reports, where there is none."""
        return read_regular(Path(image["path"]), LARGEST_TABLE) if image and image["path"] else b""

    def _names(self, contents: dict[str, Content], raw: dict[str, list[Any]]) -> list[str]:
        """The names of the classes by label, or nothing."""
        content = contents["train"]
        if content.label is None:
            return []
        if self._knows(content):
            return [str(name) for name in content.rows.features[content.label].names]
        return listing.in_natural_order({str(value) for values in raw.values() for value in values})

    @staticmethod
    def _knows(content: Content) -> bool:
        return hasattr(content.rows.features[content.label], "names")

    def _contents(self, cache: Path) -> dict[str, Content]:
        """The splits "train" and, if there is one, "test", images not decoded.

        Raises:
            UserError: naming what the dataset lacks.
        """
        found = self._load(cache)
        if self.train_split not in found:
            raise UserError(f"data.train_split={self.train_split}: {self.title} has {', '.join(found)}")
        test = self.test_split or next((name for name in TESTS if name in found and name != self.train_split), None)
        if test is not None and test not in found:
            raise UserError(f"data.test_split={test}: {self.title} has {', '.join(found)}")
        if test is not None and self.test_fraction is not None:
            raise UserError(
                f"data.test_fraction={self.test_fraction}: {self.title} has a split for testing, {test}; leave the "
                "option out"
            )
        splits = {"train": self.train_split} | ({"test": test} if test else {})
        return {split: self._content(found[name]) for split, name in splits.items()}

    def _content(self, rows: Any) -> Content:
        from datasets import Image

        features = rows.features
        images = [name for name, kind in features.items() if isinstance(kind, Image)]
        image = self.image_column or next(iter(images), None)
        if image not in images:
            option = f"data.image_column={image}" if image else "data=huggingface"
            raise UserError(f"{option}: {self.title} has no such column of images, but {', '.join(features)}")
        label = self.label_column or next((name for name, kind in features.items() if hasattr(kind, "names")), None)
        if label is not None and not self._is_label(features.get(label)):
            raise UserError(f"data.label_column={label}: no column of classes; {self.title} has {', '.join(features)}")
        used = rows.select_columns([image, *([label] if label else [])]).cast_column(image, Image(decode=False))
        return Content(used, str(image), label)

    @staticmethod
    def _is_label(kind: Any) -> bool:
        return hasattr(kind, "names") or str(getattr(kind, "dtype", "")).startswith(OF_A_LABEL)

    def _load(self, cache: Path) -> dict[str, Any]:
        """The dataset's splits by name, through the library.

        Raises:
            UserError: it can't be loaded.
        """
        import datasets
        from huggingface_hub.utils import logging

        logging.set_verbosity_error()  # of what it tries again; what fails in the end is this program's message
        if not sys.stderr.isatty():
            datasets.disable_progress_bars()
        try:
            if self.hub is not None:
                found = datasets.load_dataset(self.hub, self.subset, revision=self.revision)
            elif any((self.where / name).is_file() for name in ("dataset_dict.json", "dataset_info.json")):
                found = datasets.load_from_disk(str(self.where))
            else:
                found = datasets.load_dataset(str(self.where), self.subset, cache_dir=str(cache))
        except Exception as error:  # the library's own, its servers', and those of the formats
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise UserError(f"data.path={self.title}: can't be loaded: {reason}") from error
        return dict(found) if isinstance(found, dict) else {self.train_split: found}
