"""Checks of arguments in Python, whose errors name the argument as the command line's name an option."""

from pathlib import Path
from typing import Any

from gan_lab.runs.run import Which
from gan_lab.utils.errors import UserError


def whole(argument: str, value: object, least: int) -> None:
    """Refuse what is not a whole number of at least `least`.

    Raises:
        UserError: naming the argument.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UserError(f"{argument}={value!r}: must be a whole number of at least {least}")


def a_place(argument: str, value: object) -> None:
    """Refuse what is neither a path nor a name.

    Raises:
        UserError: naming the argument.
    """
    if not isinstance(value, (str, Path)):
        raise UserError(f"{argument}={value!r}: must be a folder or the name of a run, as a text or a Path")


def one_of(argument: str, value: Any, choices: tuple[str, ...]) -> Any:
    """The value, one of the choices.

    Raises:
        UserError: it is another one.
    """
    if value not in choices:
        raise UserError(f"{argument}={value!r}: must be {' or '.join(map(repr, choices))}")
    return value


def which(checkpoint: Any) -> Which:
    """The checkpoint that is meant, "last" or "best"; errors as of `one_of`."""
    chosen: Which = one_of("checkpoint", checkpoint, ("last", "best"))
    return chosen


def is_ema(weights: Any) -> bool:
    """True for "ema", the generator's moving average, and False for "raw"; errors as of `one_of`."""
    return bool(one_of("weights", weights, ("ema", "raw")) == "ema")
