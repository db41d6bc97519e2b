"""The depth of a run's images: what it was trained on, and what it writes."""

from collections.abc import Sequence
from pathlib import Path

from gan_lab.data.sources import Source
from gan_lab.data.windows import Window
from gan_lab.runs.run import Run
from gan_lab.utils import depth
from gan_lab.utils.depth import Depth, Limits
from gan_lab.utils.errors import UserError

OF_PAIRS = {"a": "source", "b": "target"}  # what the domains are called where images are pairs


def of_run(run: Run, domain: str | None = None) -> Depth:
    """The depth of a run's images.

    Args:
        run: finished or not.
        domain: "a" or "b" of a run with two; None for one.

    Raises:
        UserError: the run's record has no such window.
    """
    kind = run.config().data.get("depth", 8)
    if kind == 8:
        return depth.EIGHT
    try:
        return depth.of(kind, trained_window(run, domain))
    except (TypeError, ValueError, KeyError) as error:
        raise UserError(f"{run.record_file}: data.window is none that data.depth={kind} holds: {error}") from error


def display(run: Run) -> Sequence[int] | None:
    """The numbers of the channels of a run's images that are looked at, from 1 on; None for the default."""
    chosen = run.config().data.get("display")
    return None if chosen is None else [int(number) for number in chosen]


def window(run: Run, files: Sequence[Path], source: Source, domain: str | None = None) -> Window:
    """The window by which a run sees files: that of its training, where no option says another.

    Pixels of 8 bits keep their range at a depth of 8, unless the run was given a window. Where its training images had
    8 bits, wide pixels take the range of the files.

    Args:
        run: finished or not.
        files: to read.
        source: of the files.
        domain: "a" or "b" of a run with two; None for one.

    Raises:
        UserError: the run's record has no such window.
    """
    data = run.config().data
    kind, given = data.get("depth", 8), data.get("window")
    found = Window((float(given[0]), float(given[1])) if given else None, files, kind=kind, source=source)
    found.limits = of_run(run, domain).window if kind != 8 else found.limits or trained_window(run, domain)
    return found


def trained_window(run: Run, domain: str | None = None) -> Limits | None:
    """The window that a run was trained with; None where its pixels have 8 bits and no window is given.

    Args:
        run: finished or not.
        domain: "a" or "b" of a run with two; None for one.
    """
    limits = run.data_record().get("window")
    if domain is not None:
        limits = limits.get(domain) or limits.get(OF_PAIRS[domain]) if isinstance(limits, dict) else None
    if not limits or isinstance(limits, dict):
        return None
    low, high = limits
    return float(low), float(high)
