"""Archives in the layouts that datasets are published in, of a few images, known by their own checksums."""

import gzip
import tarfile
import zipfile
from hashlib import md5, sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from gan_lab.data.named import NamedImages
from gan_lab.data.published_files import PublishedFile


def tar(path: Path, members: dict[str, bytes], mode: Literal["w", "w:gz"] = "w:gz") -> Path:
    """A tar file, gzipped or plain."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, BytesIO(content))
    return path


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    """A zip file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def file(path: Path, content: bytes) -> Path:
    """A file as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def known(published: PublishedFile, path: Path) -> PublishedFile:
    """The entry of a published file with the checksum of another one."""
    digest = {"md5": md5, "sha256": sha256}[published.algorithm]
    return published._replace(checksum=digest(path.read_bytes()).hexdigest())


def publish(patch: pytest.MonkeyPatch, owner: type[NamedImages], attribute: str, path: Path) -> None:
    """Have a dataset take a file for the published one."""
    patch.setattr(owner, attribute, known(getattr(owner, attribute), path))


def idx(values: np.ndarray) -> bytes:
    """The file format of the MNIST family, gzipped."""
    header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return gzip.compress(header + values.tobytes(), mtime=0)


def png(pixels: np.ndarray, form: str = "PNG") -> bytes:
    """A picture's file, of uint8 (height, width, 3)."""
    content = BytesIO()
    Image.fromarray(pixels).save(content, format=form)
    return content.getvalue()


def noise(seed: int, *shape: int) -> np.ndarray:
    """Random bytes."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def options(root: Path, **others: Any) -> dict[str, Any]:
    """What every published dataset is made with."""
    shared = {"root": str(root), "download": False, "validation_count": 0, "batch_size": 1, "seed": 0}
    return shared | others
