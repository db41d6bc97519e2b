"""What a GPU makes of every default recipe: a table that anyone with a card can add to docs/performance.md.

    python -m benchmarks.gpu --seconds 240

Ways to take a step take turns in short rounds; numbers are medians, ratios are taken round by round. The loop to beat
is `benchmarks.hand_written` on the same card, as it is written and with its networks compiled by
torch.compile(mode="reduce-overhead"), which makes CUDA graphs of them.
"""

import argparse
import logging
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.precisions import MODELS, Option, Training
from benchmarks.steps import Case, by_hand
from gan_lab.utils import hardware

WAYS = (
    Option("eager", "32-true"),
    Option("graphs", "32-true", graphs=True),
    Option("bf16 eager", "bf16-mixed", tf32=True),
    Option("bf16 graphs", "bf16-mixed", tf32=True, graphs=True),
)


def hand_written(training: Training, model: str, compiled: bool) -> Callable[[], None]:
    """The hand-written loop's step with copies of a training's networks, on the GPU."""
    generator, discriminator = (
        deepcopy(player).cuda() for player in (training.model.generator, training.model.discriminator)
    )
    if compiled:
        for player in (generator, discriminator):
            player.compile(mode="reduce-overhead")
    images, labels = (part.cuda() for part in one_domain(training))
    case = Case(model, "", training.config.data.batch_size, 1, 1, None)
    with torch.device("cuda"):
        step = by_hand(case, generator, discriminator, images, labels)

    def on_the_gpu() -> None:
        with torch.device("cuda"):
            if compiled:
                torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
            step()

    return on_the_gpu


def one_domain(training: Training) -> Any:
    """Images and labels of a training; of two domains the first."""
    return training.split if isinstance(training.split[0], torch.Tensor) else training.split[0]


def speed(step: Callable[[], None], batches: int, images: int) -> float:
    """Images a second."""
    for _ in range(3):
        step()
    torch.cuda.synchronize()
    start = perf_counter()
    for _ in range(batches):
        step()
    torch.cuda.synchronize()
    return batches * images / (perf_counter() - start)


def kernel_share(training: Training, batches: int) -> float:
    """The share of a fit's wall time in which a kernel runs, after the warm-up's share of it."""
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        rate = training.round(batches)
    images = training.config.data.batch_size
    busy = sum(event.self_device_time_total for event in seen.key_averages()) / 1e6
    warm_up = (6 if training.option.graphs else 2) * training.config.model.n_critic
    return float(busy * batches / (batches + warm_up) / (batches * images / rate))


def table(models: tuple[str, ...], batches: int, rounds: int, seconds: float) -> Iterator[str]:
    """A Markdown line for each model, until the time is up."""
    end = perf_counter() + seconds
    names = [way.name for way in WAYS]
    yield "| model | " + " | ".join([*names, "hand-written", "hand-written, compiled", "kernel share, graphs"]) + " |"
    yield "|---|" + "---:|" * (len(names) + 3)
    for model in models:
        if perf_counter() > end:
            yield f"| {model} | not measured: the time was up |"
            continue
        trainings = [Training(model, way, ()) for way in WAYS]
        loops = [hand_written(trainings[0], model, compiled=compiled) for compiled in (False, True)]
        images = trainings[0].config.data.batch_size
        rows: list[list[float]] = []
        for _ in range(rounds + 1):
            row = [training.round(batches) for training in trainings]
            for loop in loops:
                try:
                    row.append(speed(loop, batches, images * (1 + (model == "cyclegan"))))
                except Exception as error:  # torch.compile knows no double backward
                    logging.getLogger(__name__).warning("%s: %s", model, str(error).partition("\n")[0][:120])
                    row.append(float("nan"))
            rows.append(row)
        columns = list(zip(*rows[1:], strict=True))  # the first round compiles
        eager = columns[0]
        ratios = [median(one / other for one, other in zip(column, eager, strict=True)) for column in columns]
        cells = [f"{median(column):,.0f} ({ratio:.2f})" for column, ratio in zip(columns, ratios, strict=True)]
        yield f"| {model} | " + " | ".join([*cells, f"{kernel_share(trainings[1], batches):.0%}"]) + " |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300, help="after which no further model begins (%(default)s)")
    parser.add_argument("--models", nargs="+", default=MODELS, help="(all)")
    parser.add_argument("--batches", type=int, default=200, help="a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="that count (%(default)s)")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    hardware.prepare()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; images/s (ratio to eager)\n", flush=True)
    for line in table(tuple(given.models), given.batches, given.rounds, given.seconds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
