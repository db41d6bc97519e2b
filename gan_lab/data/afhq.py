"""AFHQ: faces of cats, dogs and wild animals."""

from typing import ClassVar

from gan_lab.data import listing
from gan_lab.data.named_files import Listed, NamedFiles
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.errors import UserError

LARGEST = 1 << 33  # bytes of the archive, and of all that it holds


class AFHQ(NamedFiles):
    """Photos of 512x512 pixels in three classes, the first version (Choi et al. 2020, StarGAN v2, arXiv:1912.01865).

    Its authors publish no checksum. That of the archive is UVCGAN v2's (Torbunov et al. 2023, arXiv:2303.16280), whose
    script downloads the same address.
    """

    key = "afhq"
    title = "AFHQ"
    page = "https://github.com/clovaai/stargan-v2 (afhq.zip)"
    classes = 3
    archive = PublishedFile(
        "afhq.zip",
        "https://www.dropbox.com/s/t9l9o3vsx2jai3z/afhq.zip?dl=1",
        "7f63dcc14ef58c0e849b59091287e1844da97016073aac20403ae6c6132b950f",
        LARGEST,
        "sha256",
    )
    inside = "afhq"
    largest = LARGEST
    count = 16_130
    kinds: ClassVar = ("cat", "dog", "wild")
    folders: ClassVar = {"train": "train", "test": "val"}

    def tables(self) -> list[PublishedFile]:
        """No files: folders are the classes."""
        return []

    def listed(self) -> dict[str, Listed]:
        """The images of both splits, class by class; the published validation images are for testing."""
        self.class_names = list(self.kinds)
        splits = {split: Listed([], []) for split in self.folders}
        for split, folder in self.folders.items():
            for label, kind in enumerate(self.kinds):
                place = self.folder / folder / kind
                if not place.is_dir():
                    raise UserError(
                        f"{self.folder} lacks {folder}/{kind} of AFHQ. Remove the folder; the next run unpacks it "
                        "again."
                    )
                files = listing.find(place, lambda level, text: None)
                splits[split].files.extend(files)
                splits[split].labels.extend([label] * len(files))
        return splits
