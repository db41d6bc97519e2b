"""Images/s of every variant in every precision, by graphs and compiled."""

from functools import partial

import torch

from benchmarks.gpu.tables import Bench, Table, cells_of, in_turn, rounds_of
from benchmarks.precisions import OPTIONS, Option


def options(bench: Bench) -> list[Option]:
    """Those that the device can serve."""
    return [option for option in OPTIONS if bench.device.kind == "cuda" or not option.needs_cuda]


def measure(bench: Bench, model: str, seconds: float) -> list[str]:
    """The row of a variant."""
    torch._dynamo.config.recompile_limit = 64  # a program has one way to compute, not eight
    trainings = [bench.training(model, option) for option in options(bench)]
    return cells_of(in_turn(rounds_of(trainings, bench.seconds), bench.rounds))


def table(bench: Bench) -> Table:
    """A row for each variant."""
    return Table(
        "Images/s in every precision, without graphs (ratio to fp32, which has no TensorFloat32)",
        ["model", *(option.name for option in options(bench))],
        {model: partial(measure, bench, model) for model in bench.models},
        weight=3,
    )
