"""Two folders of the user's images, to be translated into each other."""

from pathlib import Path
from typing import Any

import torch

from gan_lab.data import image_files, listing
from gan_lab.data.decoded import Decoder
from gan_lab.data.image_files import BACKGROUND, Limits
from gan_lab.data.unpaired import DOMAINS, UnpairedDataModule
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import InputPath, Share, SharedPath


class UnpairedFolders(UnpairedDataModule):
    """Images of any format and size in two folders, resized and cropped by `image_files.read`.

    Args:
        domain_a: the folder of the first domain.
        domain_b: the folder of the second.
        test_fraction: fraction of each domain's files that forms the test split; 0.1 is every tenth. None is that where
            the folder has no test split of its own (`listing.find_splits`), and must be None where it has.
        cache: folder for decoded images that don't fit into memory.
        window: pixel values that become black and white; None keeps 8 bits as they are, and stretches the range that
            all training files of a domain with wider pixels have together.
        background: colour that transparent pixels are laid over.
    """

    def __init__(
        self,
        *,
        domain_a: InputPath,
        domain_b: InputPath,
        test_fraction: Share | None,
        cache: SharedPath,
        window: Limits | None = None,
        background: str = BACKGROUND,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.roots = {
            name: image_files.existing_folder(path, f"data.domain_{name}")
            for name, path in zip(DOMAINS, (domain_a, domain_b), strict=True)
        }
        self.files: dict[str, tuple[list[Path], list[Path]]] = {}  # of each domain, training and test files
        self.test_fraction = test_fraction
        form: dict[str, Any] = {"size": self.image_size, "channels": self.channels, "window": window}
        self.decoders = {name: Decoder(cache=cache, background=background, **form) for name in DOMAINS}
        self.damaged: dict[str, dict[str, int]] = {}  # number of files by split and domain

    def prepare_data(self) -> None:
        """List the folders, and decode images that don't fit into memory; once per machine."""
        for name, root in self.roots.items():
            files = self._files(name, "train")
            self.decoders[name].prepare(root, files, processes=self._processes_here)

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load images uint8 (n, channels, image_size, image_size) of each domain, without damaged files; labels are 0.

        Raises:
            UserError: a domain has no files in the split, or only damaged ones.
        """
        a, b = (self._load(name, split) for name in DOMAINS)
        return a, b

    def describe(self) -> dict[str, object]:
        """The folders, and the numbers of images and damaged files of each domain and loaded split."""
        sources = {name: str(root) for name, root in self.roots.items()}
        damaged = {f"{split}_damaged": counts for split, counts in self.damaged.items()}
        described = {"name": "unpaired_folders", "source": sources, "substitute": False, **self._counts(), **damaged}
        windows = {name: decoder.window.limits for name, decoder in self.decoders.items()}
        if any(windows.values()):
            described["window"] = {name: limits and list(limits) for name, limits in windows.items()}
        return described

    def _files(self, name: str, split: str) -> list[Path]:
        if name not in self.files:
            files = listing.find(self.roots[name], self._note)
            train, test, _ = listing.find_splits(self.roots[name], files, self.test_fraction, self._note)
            if test is None:
                train, test = listing.split_files(train, self.test_fraction)
            self.files[name] = train, test
            self.decoders[name].window.files = train
        train, test = self.files[name]
        return train if split == "train" else test

    def _load(self, name: str, split: str) -> LabelledImages:
        root, files = self.roots[name], self._files(name, split)
        if not files:
            share = "" if self.test_fraction is None else f"data.test_fraction={self.test_fraction}: "
            raise UserError(f"{share}no image of {root} is left for the {split} split")
        decoded = self.decoders[name].load(
            root, files, processes=self._processes_here, quiet=self._rank > 0, say=self._note
        )
        self.damaged.setdefault(split, {})[name] = len(decoded.damaged)
        return LabelledImages(decoded.images, torch.zeros(len(decoded.images), dtype=torch.long))
