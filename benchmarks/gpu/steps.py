"""Images/s of every variant, with graphs and without, against the loops that a careful person writes by hand."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from time import perf_counter

import torch
from torch.profiler import profile

from benchmarks.gpu.tables import Bench, Table, Way, batches_of, begun, cells_of, in_turn, round_of
from benchmarks.precisions import Option, Training, convolutions
from benchmarks.steps import Case, by_hand

WAYS = (
    Option("eager", "32-true"),
    Option("graphs", "32-true", graphs=True),
    Option("bf16 eager", "bf16-mixed", tf32="everywhere"),
    Option("bf16 graphs", "bf16-mixed", tf32="everywhere", graphs=True),
)
LOOPS = {"hand-written": False, "hand-written, compiled": True}
WRITTEN = ("vanilla", "dcgan", "wgan", "wgan_gp", "cgan", "r3gan", "cyclegan")  # variants that have a loop
PROFILED = 20  # batches, about


def loop(bench: Bench, training: Training, model: str, compiled: bool) -> Callable[[], None]:
    """The hand-written step with copies of a training's networks."""
    kind = bench.device.kind
    generator, discriminator = (
        deepcopy(player).to(kind) for player in (training.model.generator, training.model.discriminator)
    )
    if compiled:
        for player in (generator, discriminator):
            player.compile(mode="reduce-overhead")
    one_domain = training.split[0] if training.model.images_per_place == 2 else training.split
    images, labels = (part.to(kind) for part in one_domain)
    case = Case(model, "", training.config.data.batch_size, 1, 1, None)
    step = by_hand(case, generator, discriminator, images, labels)

    def begun() -> None:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        step()

    return begun if compiled else step


def speed(bench: Bench, step: Callable[[], None], training: Training, batches: int) -> float:
    """Images a second of a hand-written step, with TensorFloat32 off as in the first way."""
    with convolutions(tf32=False):
        for _ in range(training.period):
            step()
        bench.device.wait()
        start = perf_counter()
        for _ in range(batches):
            step()
        bench.device.wait()
    return batches * training.images_per_batch / (perf_counter() - start)


def kernel_share(bench: Bench, training: Training, rate: float) -> float:
    """The share of a batch's wall time, without a profiler, in which a kernel runs."""
    few, many = training.period, training.period * (1 + max(1, PROFILED // training.period))
    of_a_batch = (busy(bench, training, many) - busy(bench, training, few)) / (many - few)
    return of_a_batch * rate / training.images_per_batch


def busy(bench: Bench, training: Training, batches: int) -> float:
    """Seconds in kernels of a whole round: a profiler that comes after the recording of graphs may miss theirs."""
    with profile(activities=[bench.device.activity]) as seen:
        training.round(batches)
    return bench.device.busy(seen)


def measure(bench: Bench, model: str, seconds: float) -> list[str]:
    """The row of a variant."""
    options = [way for way in WAYS if bench.device.has_graphs or not way.graphs]
    trainings: dict[str, Training] = {}

    def begin(way: Option) -> Way:
        trainings[way.name] = bench.training(model, way)
        return round_of(trainings[way.name], bench.seconds)

    def begin_loop(compiled: bool) -> Way:
        first = trainings[WAYS[0].name]
        step = loop(bench, first, model, compiled)
        speed(bench, step, first, first.period)  # compiles
        return partial(speed, bench, step, first, batches_of(first, bench.seconds))

    ways = {way.name: partial(begin, way) for way in options}
    loops = {name: partial(begin_loop, compiled) for name, compiled in LOOPS.items() if model in WRITTEN}
    working, missing = begun(ways | loops, seconds)
    found = dict(zip(working, in_turn([*working.values()], bench.rounds), strict=True))
    cells = missing | dict(zip(found, cells_of(list(found.values())), strict=True))
    shares = [
        f"{kernel_share(bench, trainings[way.name], found[way.name][0]):.0%}" if way.name in found else "n/a"
        for way in WAYS[:2]
    ]
    return [*(cells.get(name, "n/a") for name in (*(way.name for way in WAYS), *LOOPS)), *shares]


def table(bench: Bench) -> Table:
    """A row for each variant."""
    return Table(
        "Images/s of the default networks, float32 without TensorFloat32 unless bf16 is named (ratio to eager)",
        ["model", *(way.name for way in WAYS), *LOOPS, "time in kernels, eager", "time in kernels, graphs"],
        {model: partial(measure, bench, model) for model in bench.models},
    )
