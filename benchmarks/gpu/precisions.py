"""Images/s of every variant in every precision, by graphs and compiled."""

from functools import partial

import torch

from benchmarks.gpu.tables import Bench, Table, Way, begun, cells_of, in_turn, round_of
from benchmarks.precisions import OPTIONS, Option


def options(bench: Bench) -> list[Option]:
    """Those that the device can serve."""
    return [option for option in OPTIONS if bench.device.kind == "cuda" or not option.needs_cuda]


def measure(bench: Bench, model: str, seconds: float) -> list[str]:
    """The row of a variant."""
    torch._dynamo.config.recompile_limit = 64  # a program has one way to compute, not eight

    def begin(option: Option) -> Way:
        return round_of(bench.training(model, option), bench.seconds)

    names = [option.name for option in options(bench)]
    compiled_last = sorted(options(bench), key=lambda option: option.compiled)
    working, missing = begun({option.name: partial(begin, option) for option in compiled_last}, seconds)
    found = dict(zip(working, cells_of(in_turn([*working.values()], bench.rounds)), strict=True))
    return [(missing | found)[name] for name in names]


def table(bench: Bench) -> Table:
    """A row for each variant."""
    return Table(
        "Images/s in every precision, without graphs (ratio to fp32, which has no TensorFloat32)",
        ["model", *(option.name for option in options(bench))],
        {model: partial(measure, bench, model) for model in bench.models},
    )
