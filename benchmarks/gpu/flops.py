"""How much of a card's arithmetic the networks of R3GAN's code for FFHQ reach."""

import re
from functools import cache, partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import conv_flop_count, flop_registry

from benchmarks.gpu.tables import Bench, Table, in_turn, round_of
from benchmarks.precisions import Option

NETWORK = ("model/network=r3gan_ffhq64", "model/penalty=r1_r2_ffhq64", "data=cifar10", "data.image_size=64")
BATCH = 32  # as one of the eight GPUs of the code has
FEW = 2
WAYS = (
    Option("float32, no TensorFloat32", "32-true"),
    Option("float32, TensorFloat32 in convolutions", "32-true", tf32="convolutions"),
    Option("bf16-mixed", "bf16-mixed", tf32="everywhere"),
    Option("bf16-mixed, channels_last", "bf16-mixed", tf32="everywhere", channels_last=True),
)
# TFLOP/s in bfloat16 without sparsity, by the data sheets. The first name that fits counts.
PEAKS = {
    "B200": 2250,
    "H100 PCIe": 756,
    "H100 NVL": 835,
    "H100": 989,
    "H200": 989,
    "GH200": 989,
    "A100": 312,
    "A40": 150,
    "A10": 125,
    "L40S": 362,
    "L4": 121,
    "RTX 4090": 165,
    "RTX 3090": 71,
}


class Flops(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A count of floating-point operations by torch's formulas. FlopCounterMode itself can't see inner gradients.

    A convolution's gradient by its input, or by its weight, takes as many as the convolution. Of one in groups torch's
    formula multiplies the latter by the number of groups.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count an operation, and do it."""
        out = func(*args, **(kwargs or {}))
        if func._overloadpacket is torch.ops.aten.convolution_backward:
            (gradient, images, weight), transposed, (by_images, by_weight, _) = args[:3], args[7], args[10]
            forward = conv_flop_count(images.shape, weight.shape, gradient.shape, transposed)
            self.total += (by_images + by_weight) * forward
        elif func._overloadpacket in flop_registry:
            self.total += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def peak_of(name: str) -> int | None:
    """The TFLOP/s of a card's data sheet by torch's name for it; None where it isn't listed here."""
    return next((peak for card, peak in PEAKS.items() if re.search(rf"\b{card}\b", name)), None)


@cache
def operations(bench: Bench) -> float:
    """TFLOP of a step of both players for each image, penalties included, counted while one is taken."""
    training = bench.training("r3gan", WAYS[0], *NETWORK, f"data.batch_size={FEW}", images=FEW)

    def counted(batches: int) -> int:
        counter = Flops()
        with counter:
            training.round(batches)
        return counter.total

    return (counted(2) - counted(1)) / FEW / 1e12


def measure(bench: Bench, way: Option, seconds: float) -> list[str]:
    """The row of a precision."""
    images = f"data.batch_size={BATCH}"
    training = bench.training("r3gan", way, *NETWORK, images, images=4 * BATCH)
    ((rate, _),) = in_turn([round_of(training, bench.seconds)], bench.rounds)
    reached = rate * operations(bench)
    peak = bench.peak or peak_of(bench.device.name)
    return [f"{rate:,.1f}", f"{reached:,.2f}", f"{reached / peak:.1%}" if peak else "peak unknown: give --peak-tflops"]


def table(bench: Bench) -> Table:
    """A row for each precision."""
    peak = bench.peak or peak_of(bench.device.name)
    known = f", whose peak in bfloat16 is {peak:,.0f} TFLOP/s" if peak else ""
    return Table(
        f"R3GAN's networks for FFHQ at 64x64 (`r3gan_ffhq64`) in batches of {BATCH}{known}; penalties included",
        ["precision", "images/s", "TFLOP/s", "of the peak"],
        {way.name: partial(measure, bench, way) for way in WAYS},
    )
