"""How long scores of many samples take."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import Tensor, nn

from benchmarks.gpu.tables import Bench, Table
from benchmarks.precisions import Option
from gan_lab.metrics.extractors import Custom, Extractor
from gan_lab.metrics.groups import Group
from gan_lab.metrics.measure import Samples
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.select_extractor import make_extractor

REAL = 10_000  # images, as many as MNIST's and CIFAR-10's test splits have
FEW = 500
FLOAT32 = Option("float32", "32-true")
# By name: the model and what else it takes, and the extractor.
CASES: dict[str, tuple[tuple[str, ...], str]] = {
    "`dcgan_small`, classifier of digits": (("dcgan",), "classifier"),
    "`sngan_resnet`, 2,048 features that cost nothing": (
        ("dcgan", "model/network=sngan_resnet", "data=cifar10"),
        "free",
    ),
    "`sngan_resnet`, Inception": (("dcgan", "model/network=sngan_resnet", "data=cifar10"), "inception"),
    "`r3gan_cifar10`, Inception": (("r3gan", "model/network=r3gan_cifar10", "data=cifar10"), "inception"),
}
GROUPS: dict[str, tuple[Group, ...]] = {
    "FID": ("fid",),
    "all that are computed at the end": ("fid", "kid", "inception_score", "manifold", "classes"),
}


class Free(nn.Module):
    """As many features as Inception has, for next to no time: what is left is the time of all else."""

    def forward(self, images: Tensor) -> Tensor:
        """Pixels of the images."""
        return images.flatten(1)[:, :2048]


def extractor_of(choice: str, real: RealImages) -> Extractor:
    """The extractor of a case."""
    if choice == "free":
        return Custom(module=Free(), size=real.data.image_size, channels=3, antialias=False)
    return make_extractor(choice, real)  # type: ignore[arg-type]


def seconds_of(bench: Bench, measure: Any, model: Any) -> float:
    """Seconds to draw and score all samples."""
    bench.device.wait()
    start = perf_counter()
    measure.score(model, ema=True)
    return perf_counter() - start


def measure(bench: Bench, case: tuple[Sequence[str], str], seconds: float) -> list[str]:
    """The row of a case."""
    (model, *rest), choice = case
    training = bench.training(model, FLOAT32, *rest, images=REAL)
    training.data.splits["test"] = training.split
    with tempfile.TemporaryDirectory() as folder:
        real = RealImages(training.data, Path(folder))
        generating = training.model.to(bench.device.kind).eval()
        subject = Samples(real, extractor_of(choice, real).to(bench.device.kind), 0)
        cells = []
        for groups in GROUPS.values():
            subject.against("test", groups=groups, count=FEW).score(generating, ema=True)  # warms up
            against = subject.against("test", groups=groups, count=bench.samples)
            cells.append(f"{seconds_of(bench, against, generating):.1f}")
    return cells


def table(bench: Bench) -> Table:
    """A row for each case."""
    return Table(
        f"Seconds to draw {bench.samples:,} samples and score them against {REAL:,} images, whose statistics are known",
        ["networks and features", *GROUPS],
        {name: partial(measure, bench, case) for name, case in CASES.items()},
    )
