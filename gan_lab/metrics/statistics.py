"""Statistics of real images: computed once for each dataset, extractor and split, then read from disk."""

import logging
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_lab.distributed.collectives import rank_zero_first
from gan_lab.metrics import tensor_files
from gan_lab.metrics.extractors import Extractor, Plain, extract
from gan_lab.metrics.protocol import extractor_hash
from gan_lab.metrics.scores import Moments
from gan_lab.utils import hashes
from gan_lab.utils.errors import DamagedFileError
from gan_lab.utils.own_key import own_key

log = logging.getLogger(__name__)

UNKNOWN = -1  # the label of an image without one


@dataclass(frozen=True, kw_only=True)
class RealStatistics:
    """Everything that scores need of real images.

    Args:
        moments: for FID.
        features: shape (n, d), for KID and neighbours.
        logits: shape (n, classes), or (n, 0) where the extractor has none.
        labels: int64, shape (n,), -1 where unknown.
        data: content hash of images and labels.
        split: of the dataset.
        extractor: its identity.
        known_count: number of images, 0 where a file of moments doesn't say it; None takes that of the moments.
    """

    moments: Moments
    features: Tensor
    logits: Tensor
    labels: Tensor
    data: str
    split: str
    extractor: dict[str, Plain]
    known_count: int | None = None

    @property
    def count(self) -> int:
        """Number of images, 0 where it is not known."""
        return self.moments.count if self.known_count is None else self.known_count

    def to(self, device: torch.device) -> "RealStatistics":
        """Copy to another device."""
        moments = Moments(self.moments.count, self.moments.total.to(device), self.moments.outer.to(device))
        moved = {name: getattr(self, name).to(device) for name in ("features", "logits", "labels")}
        return replace(self, moments=moments, **moved)


def real_statistics(
    images: Tensor, labels: Tensor | None, extractor: Extractor, *, split: str, cache_folder: Path | None
) -> RealStatistics:
    """Compute statistics on the CPU, or read them from the cache; of several processes the first one computes.

    Args:
        images: uint8, shape (n, channels, height, width).
        labels: int64, shape (n,); None for images without labels.
        extractor: of the features.
        split: name of the split.
        cache_folder: folder of the statistics; None keeps none. A file's name holds the content hash of the images
            and labels, the extractor's hash, the split, n, and what only this user can compute: statistics that a
            stranger has put there aren't found. A damaged file is computed again, with a warning.
    """
    labels = torch.full((len(images),), UNKNOWN) if labels is None else labels
    description: dict[str, Any] = {
        "data": hashes.of_tensors(images, labels),
        "extractor": extractor_hash(extractor.identity),
        "split": split,
        "count": len(images),
    }
    if cache_folder is None:
        return _from_tensors(_compute(images, labels, extractor), description, extractor)
    name = f"{description['data'][:16]}-{description['extractor'][:16]}-{split}-{len(images)}"
    own = blake2b(name.encode(), digest_size=8, key=own_key()).hexdigest()
    path = cache_folder / f"{name}-{own}.safetensors"
    with rank_zero_first():
        tensors = _cached(path, description)
        if tensors is None:
            tensors = _compute(images, labels, extractor)
            try:
                tensor_files.write(path, tensors, description)
            except OSError as error:
                log.warning("%s can't be written (%s): the next run computes it again", path, error.strerror)
    return _from_tensors(tensors, description, extractor)


def _compute(images: Tensor, labels: Tensor, extractor: Extractor) -> dict[str, Tensor]:
    features, logits = (tensor.cpu() for tensor in extract(extractor, images))
    moments = Moments.of(features)
    return {
        "features": features,
        "logits": logits,
        "labels": labels.cpu(),
        "total": moments.total,
        "outer": moments.outer,
    }


def _cached(path: Path, description: dict[str, Any]) -> dict[str, Tensor] | None:
    try:
        tensors, written = tensor_files.read(path)
    except FileNotFoundError:
        return None
    except (DamagedFileError, OSError) as error:
        log.warning("%s. Computing it again.", error)
        return None
    if written != description:
        log.warning("%s is of other images or another extractor. Computing it again.", path)
        return None
    return tensors


def _from_tensors(tensors: dict[str, Tensor], description: dict[str, Any], extractor: Extractor) -> RealStatistics:
    return RealStatistics(
        moments=Moments(description["count"], tensors["total"], tensors["outer"]),
        features=tensors["features"],
        logits=tensors["logits"],
        labels=tensors["labels"],
        data=description["data"],
        split=description["split"],
        extractor=extractor.identity,
    )
