"""Statistics in files as pytorch-fid keeps them: `mu` and `sigma` of a Gaussian, in a .npz file.

Those who publish statistics of datasets for FID do it in this form. NVIDIA's repositories from EDM on do, too.
"""

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_lab.metrics.extractors import Extractor, Plain
from gan_lab.metrics.protocol import extractor_hash
from gan_lab.metrics.scores import Moments
from gan_lab.metrics.statistics import RealStatistics
from gan_lab.utils import hashes
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import open_regular, write_atomically

SPLIT = "statistics"  # in place of the split of a dataset: what the file is of, it doesn't say
FORM = "mu (d,) and sigma (d, d)"
STAND_IN = 1 << 20  # number of images from which the sums of the moments are made again where the file has none


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """Mean and covariance of features, and what the file says of their origin.

    Args:
        mean: float64, shape (d,).
        covariance: over n - 1, float64, shape (d, d).
        count: number of images; None where the file doesn't say.
        extractor: hash of its identity; None where the file doesn't say.
    """

    mean: Tensor
    covariance: Tensor
    count: int | None = None
    extractor: str | None = None

    @property
    def moments(self) -> Moments:
        """The sums that lead to this mean and covariance."""
        n = self.count or STAND_IN
        outer = self.covariance * (n - 1) + n * torch.outer(self.mean, self.mean)
        return Moments(n, self.mean * n, outer)

    def statistics(self, extractor: Extractor) -> RealStatistics:
        """The part of real statistics that is known: all that FID needs.

        Raises:
            UserError: the features have another size, or the file says that they are another extractor's.
        """
        if len(self.mean) != extractor.num_features:
            raise UserError(
                f"--statistics: they are of {len(self.mean)} features, and {extractor.identity['name']} has "
                f"{extractor.num_features}; name the extractor that they were computed with: --extractor"
            )
        if self.extractor not in (None, extractor_hash(extractor.identity)):
            raise UserError(
                f"--statistics: they were computed with another extractor than {extractor.identity['name']} with these "
                "weights and this resize; name that one: --extractor, --resize, --weights-file"
            )
        return RealStatistics(
            moments=self.moments,
            features=torch.empty(0, extractor.num_features),
            logits=torch.empty(0, 0),
            labels=torch.empty(0, dtype=torch.long),
            data=hashes.of_tensors(self.mean, self.covariance),
            split=SPLIT,
            extractor=extractor.identity,
            known_count=self.count or 0,
        )


def read(path: Path) -> Gaussian:
    """Read a file that holds `mu` and `sigma`; reading executes nothing from it.

    Raises:
        UserError: it can't be read, or holds something else.
    """
    try:
        with open_regular(path) as file:
            content = np.load(file, allow_pickle=False)
            arrays = {name: content[name] for name in content.files} if hasattr(content, "files") else {}
    except Exception as error:  # numpy raises almost any type
        raise UserError(f"{path} can't be read as statistics: {reason(error)}") from error
    if not arrays.keys() >= {"mu", "sigma"}:
        held = ", ".join(sorted(arrays)) or "none of them"
        raise UserError(f"{path} holds no statistics: it must have {FORM}, and has {held}")
    mean, covariance = arrays["mu"], arrays["sigma"]
    shapes_fit = mean.ndim == 1 and covariance.shape == (len(mean), len(mean)) and len(mean)
    if not shapes_fit or mean.dtype.kind != "f" or covariance.dtype.kind != "f":
        raise UserError(f"{path} must hold {FORM} as floating points, not {mean.shape} and {covariance.shape}")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise UserError(f"{path}: mu and sigma must be finite numbers")
    count = arrays.get("count")
    extractor = arrays.get("extractor")
    return Gaussian(
        mean=torch.from_numpy(mean.astype(np.float64)),
        covariance=torch.from_numpy(covariance.astype(np.float64)),
        count=int(count) if count is not None and count.shape == () and count.dtype.kind in "iu" else None,
        extractor=str(extractor) if extractor is not None and extractor.dtype.kind == "U" else None,
    )


def write(path: Path, moments: Moments, identity: dict[str, Plain]) -> None:
    """Write mean and covariance as float64, with the number of images and the extractor beside them.

    pytorch-fid and others read `mu` and `sigma`, and pass over the rest.

    Raises:
        OSError: the file can't be written.
    """
    mean, covariance = moments.mean, moments.covariance
    content = BytesIO()
    np.savez(
        content,
        mu=mean.cpu().numpy(),
        sigma=covariance.cpu().numpy(),
        count=np.array(moments.count),
        extractor=np.array(extractor_hash(identity)),
        identity=np.array(json.dumps(identity, sort_keys=True)),
    )
    write_atomically(path, content.getvalue())
