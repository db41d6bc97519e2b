"""Errors are part of the interface: one message that names what is wrong and what to do."""

import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import NoReturn

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException


class UserError(Exception):
    """Something that the person at the keyboard can put right; shown as its message, without a traceback."""


def nearest(name: str, names: Iterable[object]) -> str:
    """A hint at the names most like the one that was typed, or at all there are."""
    known = sorted(map(str, names))
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"There is: {', '.join(known)}." if known else "There is none."


CONFIGURATION_ERRORS = (UserError, HydraException, OmegaConfBaseException)


_asked_for = False


def tracebacks_wanted() -> bool:
    """Whether HYDRA_FULL_ERROR=1 was in the environment; within `readable_errors` it always is."""
    return _asked_for


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn what a user can get wrong into a message and exit code 1; let real defects keep their traceback.

    With HYDRA_FULL_ERROR=1 in the environment nothing is turned: every traceback is shown.
    """
    global _asked_for
    _asked_for = os.environ.get("HYDRA_FULL_ERROR") == "1"
    if _asked_for:
        yield
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # have Hydra raise what happened instead of printing it in its own way
    try:
        yield
    except CONFIGURATION_ERRORS as error:
        fail(explain(error))
    except ValueError as error:
        if "Config group override must be a string" in str(error):  # Hydra's own, for group=null
            fail("a group can't be null: choose one of its configurations (--help lists them) or leave it out, ~group")
        raise
    except KeyboardInterrupt:  # before a run listens for it
        sys.exit(128 + signal.SIGINT)
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


def fail(message: str) -> NoReturn:
    """End the program with a message."""
    sys.exit(f"Error: {message}")


def explain(error: Exception) -> str:
    """An error of the configuration in the words of the command line that caused it."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, choice = error.missing_cfg_file.removesuffix(".yaml").rpartition("/")
        return f"{group}={choice}: there is no such choice. {nearest(choice, error.options)}"
    if isinstance(error, OverrideParseException):
        hint = "quote what holds commas, brackets or spaces: 'name=\"value\"'"
        return f"{error.override}: not of the form name=value; {hint}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and isinstance(cause.parent_node, DictConfig):
            name = cause.full_key or str(cause.key)
            hint = nearest(str(cause.key), cause.parent_node)
            if any(argument.startswith("resume=") for argument in sys.argv):
                hint = f"An option of the run's own parts is changed by ++{name}=..."
            return f"{name}: there is no such option. {hint}"
        cause = cause.__cause__
    unknown = re.match(r"Could not override '([^']+)'.*No match in the defaults list", str(error), re.DOTALL)
    if unknown and unknown[1].startswith("model/"):
        return f"{unknown[1]}: the chosen model has no such part; leave it out, or choose a model that has it"
    if unknown:
        return f"{unknown[1]}: there is no such option. {nearest(unknown[1], top_level_names())}"
    return " ".join(line.strip() for line in str(error).splitlines() if line.strip())


def top_level_names() -> list[str]:
    """Groups, and the values beside them, of the configuration that is being composed; none once Hydra has given up."""
    if not GlobalHydra.instance().is_initialized():
        return []
    loader = GlobalHydra.instance().config_loader()
    groups = [group for group in loader.list_groups("") if group != "hydra"]
    return [*groups, *(f"model/{group}" for group in loader.list_groups("model")), "seed", "resume"]
