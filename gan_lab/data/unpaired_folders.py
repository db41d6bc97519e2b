"""Two folders of the user's images, to be translated into each other."""

from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from gan_lab.data import layouts
from gan_lab.data.folders import FolderImages, existing_sources
from gan_lab.data.unpaired import DOMAINS, UnpairedDataModule
from gan_lab.utils.batches import LabelledImages, TwoDomains
from gan_lab.utils.types import InputPath


class Files(NamedTuple):
    """The folder of a domain, and its files by split."""

    root: Path
    splits: dict[str, list[Path]]


class UnpairedFolders(FolderImages[TwoDomains], UnpairedDataModule):
    """Images of any format and size in two folders, or in one of a usual layout (`layouts`).

    Args:
        domain_a: the folder of the first domain.
        domain_b: the folder of the second.
        root: in place of these, the folder that holds both.
    """

    def __init__(
        self,
        *,
        domain_a: InputPath | None = None,
        domain_b: InputPath | None = None,
        root: InputPath | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.sources = existing_sources(root, {"data.domain_a": domain_a, "data.domain_b": domain_b}, self.axis)
        self.roots = [source.root for source in self.sources]
        for name, source in zip(DOMAINS, self.sources * 2, strict=False):  # the same one twice where it holds both
            self._decode_as(name, self.channels, source)
        self.damaged: dict[str, dict[str, int]] = {}  # number of files by split and domain

    @cached_property
    def files(self) -> dict[str, Files]:
        """The files of each domain.

        Raises:
            UserError: a domain has none, or a test split while options ask for another.
        """
        domains = layouts.domains(self.sources, self._note, otherwise="set data.domain_a and data.domain_b")
        files = {}
        for name, domain in zip(DOMAINS, domains, strict=True):
            train, test = ([domain.files[place] for place in part] for part in self._split(domain, [*domain.files]))
            files[name] = Files(domain.root, {"train": train, "test": test})
            self.decoders[name].window.files = train
        return files

    def prepare_data(self) -> None:
        """List the folders, and decode images that don't fit into memory; once per machine."""
        for name, (root, splits) in self.files.items():
            self._decoder(name, "train").prepare(root, splits["train"], processes=self._processes_here)

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load images (n, channels, height, width) of each domain, without damaged files.

        Raises:
            UserError: a domain has no files in the split, or only damaged ones.
        """
        a, b = (self._decode(name, root, splits[split], split) for name, (root, splits) in self.files.items())
        self.damaged[split] = {"a": len(a.damaged), "b": len(b.damaged)}
        of_a, of_b = (splits[split] for _, splits in self.files.values())
        return self._labelled(a, of_a), self._labelled(b, of_b)

    def describe(self) -> dict[str, object]:
        """The folders, and the numbers of images and damaged files of each domain and loaded split."""
        sources = {name: str(root) for name, root in zip(DOMAINS, self.roots * 2, strict=False)}
        damaged = {f"{split}_damaged": counts for split, counts in self.damaged.items()}
        described = {"name": "unpaired_folders", "source": sources, "substitute": False, **self._counts(), **damaged}
        return described | self._windows()
