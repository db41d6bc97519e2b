"""A table that is measured row by row, under a budget of time."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter

from benchmarks.gpu.device import Device
from benchmarks.precisions import Option, Training
from gan_lab.utils.errors import UserError

log = logging.getLogger(__name__)
LATE = "not measured: the time was up"


@dataclass(frozen=True)
class Bench:
    """What a command line asks for.

    Args:
        device: to measure.
        models: variants, of the tables that have a row for each.
        seconds: of a round.
        rounds: of which the median counts.
        width: of all networks, at most, to try the tables out; None leaves them as they are.
        overrides: of every configuration, where a row has no other value.
        data: the folder of MNIST, for the trainings.
        emoji: a folder of emoji, for one of the trainings; None leaves it out.
        minutes: of a training, at most.
        samples: that are scored.
        largest: batch that is tried.
        peak: the card's TFLOP/s in bfloat16, where its data sheet isn't known here.
    """

    device: Device
    models: tuple[str, ...]
    seconds: float
    rounds: int
    width: int | None
    overrides: tuple[str, ...]
    data: str
    emoji: str | None
    minutes: float
    samples: int
    largest: int
    peak: float | None

    def configured(self, *more: str) -> list[str]:
        """Overrides of a configuration that runs on the device."""
        return [f"trainer.accelerator={self.device.kind}", *self.overrides, *more]

    def training(self, model: str | None, option: Option, *more: str, images: int = 10_000) -> Training:
        """A training on the device; arguments as of `Training`."""
        return Training(model, option, self.configured(*more), images, self.width)


Way = Callable[[], float]  # takes a round, and returns its images a second
Measure = Callable[[float], Sequence[str]]  # from the seconds that a row should take to its cells


@dataclass(frozen=True)
class Table:
    """A part of what is measured.

    Args:
        title: what it shows.
        columns: their heads, that of the names first.
        rows: by name, what measures the other cells. It is told how many seconds it should take, if it can choose.
    """

    title: str
    columns: Sequence[str]
    rows: dict[str, Measure]


def measured(table: Table, seconds: float, device: Device) -> Iterator[str]:
    """The table in Markdown, line by line as they become known.

    A row gets its share of what is left of the time. One that has begun is finished, so the last one may exceed the
    time. A row that fails says why, and the others go on.
    """
    until = perf_counter() + seconds
    yield f"\n**{table.title}**\n"
    yield f"| {' | '.join(table.columns)} |"
    yield "|---|" + "---:|" * (len(table.columns) - 1)
    for place, (name, measure) in enumerate(table.rows.items()):
        left = until - perf_counter()
        cells = given(name, partial(measure, left / (len(table.rows) - place)), device) if left > 0 else [LATE]
        yield f"| {' | '.join([name, *cells])} |"


def given(name: str, measure: Callable[[], Sequence[str]], device: Device) -> Sequence[str]:
    """A row's cells, or the reason why there are none."""
    try:
        return measure()
    except Exception as error:
        log.warning("%s: %s", name, error, exc_info=not isinstance(error, UserError))
        return [f"failed: {str(error).partition(chr(10))[0][:100]}"]
    finally:
        device.free()


def batches_of(training: Training, seconds: float) -> int:
    """The batches that take about so many seconds, found by a first short round, which also compiles."""
    rounds = seconds * training.round(training.period) / training.images_per_batch / training.period
    return training.period * max(1, round(rounds))


def round_of(training: Training, seconds: float) -> Way:
    """What takes a round of about so many seconds, and returns its images a second."""
    return partial(training.round, batches_of(training, seconds))


def begun(ways: Mapping[str, Callable[[], Way]], seconds: float) -> tuple[dict[str, Way], dict[str, str]]:
    """Begin ways to compute, which may compile for minutes; give those that work, and the others' cells.

    Without the first one, which the others are compared with, there is no row. Of the others, those that fail leave the
    rest alone, and none begins after so many seconds.
    """
    end = perf_counter() + seconds
    working: dict[str, Way] = {}
    missing: dict[str, str] = {}
    for name, begin in ways.items():
        if working and perf_counter() > end:
            missing[name] = "no time"
            continue
        try:
            working[name] = begin()
        except Exception as error:
            if not working:
                raise
            log.warning("%s: %s", name, str(error).partition("\n")[0][:200])
            missing[name] = "fails"
    return working, missing


def in_turn(ways: Sequence[Way], rounds: int) -> list[tuple[float, float]]:
    """For each way the median of its rates, and of their ratios to the first one's of the same round."""
    rows = [[way() for way in ways] for _ in range(rounds)]
    columns = list(zip(*rows, strict=True))
    return [
        (median(column), median(one / first for one, first in zip(column, columns[0], strict=True)))
        for column in columns
    ]


def cells_of(found: Sequence[tuple[float, float]]) -> list[str]:
    """Rates with their ratios to the first one."""
    return [f"{rate:,.0f} ({ratio:.2f})" for rate, ratio in found]
