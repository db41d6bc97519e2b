"""Two folders of anyone's images, to be translated into each other."""

from pathlib import Path
from typing import Any

import torch

from gan_lab.data import image_files
from gan_lab.data.decoded import Decoder
from gan_lab.data.unpaired import DOMAINS, UnpairedDataModule
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import Share


class UnpairedFolders(UnpairedDataModule):
    """Images of any format and size below two folders, brought to one size as `image_files.read` says.

    Args:
        domain_a: the folder of the first domain.
        domain_b: the folder of the second.
        test_fraction: part of each domain's files that is kept from training: 0.1 is every tenth.
        cache: where decoded images go that don't fit into memory.
    """

    def __init__(self, *, domain_a: str, domain_b: str, test_fraction: Share, cache: str, **options: Any) -> None:
        super().__init__(**options)
        self.roots = {
            name: image_files.existing_folder(path, f"data.domain_{name}")
            for name, path in zip(DOMAINS, (domain_a, domain_b), strict=True)
        }
        self.files: dict[str, tuple[list[Path], list[Path]]] = {}  # of each domain, to train on and to test with
        self.test_fraction = test_fraction
        self.decoder = Decoder(cache=cache, size=self.image_size, channels=self.channels)
        self.damaged: dict[str, dict[str, int]] = {}  # of each domain in each split

    def prepare_data(self) -> None:
        """Look into the folders, and decode what does not fit into memory; once per machine."""
        for name, root in self.roots.items():
            self.decoder.prepare(root, self._files(name, "train"), processes=self._processes_here)

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Of each domain, images uint8 (n, channels, image_size, image_size) without the damaged files; labels are 0.

        Raises:
            UserError: a domain has no files in the split, or only damaged ones.
        """
        a, b = (self._load(name, split) for name in DOMAINS)
        return a, b

    def describe(self) -> dict[str, object]:
        """The folders, and for each split that was loaded the images and damaged files of each domain."""
        sources = {name: str(root) for name, root in self.roots.items()}
        damaged = {f"{split}_damaged": counts for split, counts in self.damaged.items()}
        return {"name": "unpaired_folders", "source": sources, "substitute": False, **self._counts(), **damaged}

    def _files(self, name: str, split: str) -> list[Path]:
        if name not in self.files:
            self.files[name] = image_files.hold_out(image_files.find(self.roots[name]), self.test_fraction)
        train, test = self.files[name]
        return train if split == "train" else test

    def _load(self, name: str, split: str) -> LabelledImages:
        root, files = self.roots[name], self._files(name, split)
        if not files:
            raise UserError(f"data.test_fraction={self.test_fraction} keeps no image of {root} for testing")
        decoded = self.decoder.load(root, files, processes=self._processes_here, quiet=self._rank > 0)
        self.damaged.setdefault(split, {})[name] = len(decoded.damaged)
        return LabelledImages(decoded.images, torch.zeros(len(decoded.images), dtype=torch.long))
