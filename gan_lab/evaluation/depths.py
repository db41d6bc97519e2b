"""The depth of a run's images: what it was trained on, and what it writes."""

from collections.abc import Sequence

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
