"""Errors of the command line and of configurations, each as one line in the words of whoever typed it."""

import argparse
import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from traceback import walk_tb
from typing import NoReturn

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from gan_lab.config.home import conf_folder
from gan_lab.config.renamed import new_name_of
from gan_lab.utils import memory
from gan_lab.utils.disk import REMEDIES, in_words
from gan_lab.utils.errors import UserError, fail, nearest
from gan_lab.utils.extras import missing
from gan_lab.utils.shell import PLAIN, quoted
from gan_lab.utils.terminal import reader_is_gone

FOLDERS = ("resume", "init_from", "run", "sweep.dir", "hydra.run.dir", "hydra.sweep.dir")  # options that name one
EXTRAS = {"joblib": "sweep", "submitit": "sweep", "optuna": "sweep", "ray": "ray"}  # Hydra's plugins, where to get them
# What launchers raise when the process that they started for a job is gone; by name, as none of them need be installed.
LOST = {"TerminatedWorkerError", "UncompletedJobError", "FailedJobError", "WorkerCrashedError", "RayTaskError"}
AFTER_LOSS = "gan-lab status SWEEP_FOLDER says which; the same command with sweep.dir=SWEEP_FOLDER does what is missing"

HYDRAS = {f"hydra/{group}" for group in ("launcher", "sweeper", "job_logging", "hydra_logging")}  # choices elsewhere

CONFIGURATION_ERRORS = (UserError, HydraException, OmegaConfBaseException)
PROGRAMS_OWN = {"hydra", "run_dir", "_target_", "_partial_"}  # names that one rarely types


_tracebacks_wanted = False


def tracebacks_wanted() -> bool:
    """Return true if the user set HYDRA_FULL_ERROR=1; within `readable_errors` the variable itself is always set."""
    return _tracebacks_wanted


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn the user's mistakes into a message and exit code 1; defects keep their traceback.

    With HYDRA_FULL_ERROR=1 in the environment every error keeps its traceback.
    """
    global _tracebacks_wanted
    _tracebacks_wanted = os.environ.get("HYDRA_FULL_ERROR") == "1"
    if _tracebacks_wanted:
        yield
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # have Hydra raise what happened instead of printing it in its own way
    before = argparse.ArgumentParser.error
    argparse.ArgumentParser.error = refuse_arguments  # type: ignore[assignment, method-assign]
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)  # as shells have it
    except Exception as error:
        if isinstance(error, BrokenPipeError) and reader_is_gone():
            sys.exit(141)  # as shells have it, too
        line = in_a_line(error)
        if line is None:
            raise
        fail(line)
    finally:
        argparse.ArgumentParser.error = before  # type: ignore[method-assign]
        del os.environ["HYDRA_FULL_ERROR"]


def in_a_line(error: Exception) -> str | None:
    """The message for an error that the user can do something about; None for a defect."""
    if isinstance(error, CONFIGURATION_ERRORS):
        return explain(error)
    if isinstance(error, OSError):
        return in_words(error) if error.errno in REMEDIES else None
    if short := memory.shortage(error):
        return short
    if type(error).__name__ in LOST:
        return f"the launcher lost a job's process: {' '.join(str(error).split())[:300]}\n{AFTER_LOSS}"
    if isinstance(error, ValueError) and is_raised_by(error, "hydra", "logging.config"):
        return explain(error)
    return None


NO_TEXT = re.compile(r"[-+]?[\d.][\d._eE+-]*|true|false|nan|[-+]?inf", re.IGNORECASE)  # as Hydra reads it


def as_text(value: str) -> str:
    """A value that Hydra reads as a text, even where it looks like a number; null stays what it is."""
    return quoted(value) if NO_TEXT.fullmatch(value.strip()) else value


def with_quotes(arguments: Sequence[str]) -> list[str]:
    """Put folders, tags and notes in quotes where Hydra wants some: jobs are named with `=` and `,`, 5 is a name."""

    def quote(argument: str) -> str:
        name, _, value = argument.partition("=")
        if not value or value[0] in "\"'" or "${" in value:
            return argument
        if name == "tags":
            return f"{name}={re.sub(r'[^][,]+', lambda tag: as_text(tag[0]), value)}"
        if name == "notes":
            return f"{name}={as_text(value) if PLAIN.fullmatch(value) else quoted(value)}"
        if name in FOLDERS and "=" in value:
            return f"{name}={quoted(value)}"
        return f"{name}={as_text(value)}" if name == "run" else argument

    return list(map(quote, arguments))


def refuse_misleading(arguments: Sequence[str], conf: Path) -> None:
    """Refuse what would do something else than it says.

    That is a choice from a group that is typed with a dot, which would set a value, `model.objective=hinge`; and
    `run_dir`, which the program sets itself.

    Args:
        arguments: of the command line.
        conf: folder of the configurations.

    Raises:
        UserError: naming the group, with its slash, or the options that name a folder.
    """
    for argument in arguments:
        if argument.lstrip("+").startswith("run_dir="):
            raise UserError(
                f"{argument}: set by the program; name the run with run=NAME, or its folder with hydra.run.dir=..."
            )
    if any(argument.startswith("resume=") for argument in arguments):
        return  # its groups stay, and that is what is said
    for argument in arguments:
        name, _, value = argument.lstrip("+").partition("=")
        group = re.sub(r"/(generator|discriminator)$", "", name.replace(".", "/"))  # one choice is for both players
        choices = {path.stem for path in (conf / group).glob("*.yaml")}
        if "." not in name or not (choices or group in HYDRAS) or not re.fullmatch(r"[\w,\[\] ]+", value):
            continue
        typed = [choice.strip() for choice in value.strip("[]").split(",")]
        if value.startswith("[") and "_".join(typed) in choices:
            typed = ["_".join(typed)]  # r1_r2 is one choice
        if group in HYDRAS or choices.issuperset(typed):
            raise UserError(f"{argument}: a group is chosen with slashes, {group}={','.join(typed)}")
        if value != "null":
            hint = nearest(value, choices)
            raise UserError(f"{argument}: a group is chosen with slashes, {group}=... {hint}")


def is_raised_by(error: Exception, *packages: str) -> bool:
    """Tell if the code that raised an error lies in one of these packages."""
    *_, (frame, _) = walk_tb(error.__traceback__)
    name = frame.f_globals.get("__name__", "")
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def refuse_arguments(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    """Raise one line that says what is wrong with a flag, where argparse would list all flags first.

    Raises:
        UserError: always.
    """
    unknown = message.removeprefix("unrecognized arguments: ")
    if unknown == message:
        raise UserError(f"{message.removeprefix('argument ')} ({parser.prog} --help)")
    if unknown.startswith("-"):
        of_hydra = any(action.dest == "overrides" for action in parser._actions)
        values = "; values are set without dashes, name=value" if of_hydra else ""
        raise UserError(f"{unknown}: no such flag{values} ({parser.prog} --help)")
    raise UserError(f"{unknown}: unexpected argument; put flags before all other arguments ({parser.prog} --help)")


def explain(error: Exception) -> str:
    """The message for an error of the configuration, in terms of the command line that caused it."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, choice = error.missing_cfg_file.removesuffix(".yaml").rpartition("/")
        if group in ("hydra/launcher", "hydra/sweeper") and (extra := EXTRAS.get(choice.partition("_")[0])):
            return missing(f"{group}={choice}", extra)
        # Of a list of choices Hydra does not say which ones there are.
        choices = error.options or [file.stem for file in (conf_folder() / group).glob("*.yaml")]
        if group and choices:
            return f"{group}={choice}: no such choice. {nearest(choice, choices)}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: not of the form name=value; {hint_at_form(error.override or '')}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and isinstance(cause.parent_node, DictConfig):
            name = cause.full_key or str(cause.key)
            if renamed := new_name_of(name):
                return renamed
            hint = hint_at_option(cause)
            if not hint.startswith("Did you mean") and any(given.startswith("resume=") for given in sys.argv):
                hint = f"To change an option of the saved run, type ++{name}=..."
            return f"{name}: no such option. {hint}"
        cause = cause.__cause__
    for pattern, explained in HYDRA_MESSAGES.items():
        if match := re.match(pattern, str(error), re.DOTALL):
            return new_name_of(match[1]) or explained.format(*match.groups())
    unknown = re.match(r"Could not override '([^']+)'.*No match in the defaults list", str(error), re.DOTALL)
    if unknown and unknown[1].startswith("model/"):
        return f"{unknown[1]}: the chosen model has no such part; leave it out, or choose a model that has it"
    if unknown:
        return f"{unknown[1]}: no such option. {nearest(unknown[1], top_level_names())}"
    return " ".join(line.strip() for line in str(error).splitlines() if line.strip())


# Patterns of Hydra's messages, and what replaces them; groups of the patterns are filled in.
HYDRA_MESSAGES = {
    r"Ambiguous value for argument '([^=]+)=(.*?)'\n": (
        "{0}={1}: several values are a sweep, which needs -m; a list has brackets, {0}=[{1}], and a text with commas "
        "is quoted twice: '{0}=\"{1}\"'"
    ),
    r"Could not delete from config. '([^']+)' does not exist": "~{0}: no such option, nothing to leave out",
    r"Multiple values for (\S+)\. To override": "+{0}: this group has a choice already; leave out the +",
    r"Cannot find primary config '([^']+)'": "--config-name={0}: no such file in conf/",
    r"Config group override must be a string or a list. Got (\w+)": (  # for group=null
        "a group can't be null or a number: choose one of its configurations (--help lists them) or leave it out, "
        "~group"
    ),
    r"Only one of (--run, --multirun), --cfg": (
        "-m and --cfg don't go together: leave out -m, and give each option one value, to see the configuration of "
        "a job"
    ),
    r"Error merging override (~\S+)$": "{0}: another value is taken from what is left out before it; change the order",
}


def hint_at_form(override: str) -> str:
    """A hint at how to type an override that Hydra's grammar rejects."""
    name, equals, value = override.partition("=")
    if override.startswith(("\N{EN DASH}", "\N{EM DASH}", "\N{NON-BREAKING HYPHEN}")):
        return "its dash is not a hyphen; type -"
    if not equals:
        return "to choose a model, say, write model=dcgan"
    if name != name.strip() or value != value.strip():
        return "leave out the spaces around ="
    if any(unicodedata.category(mark) in ("Pi", "Pf", "Ps") and mark not in "([{" for mark in value):
        return "its quotation marks are not those of a program; type \" or '"
    if value.startswith("="):
        return "one = is enough"
    if not re.fullmatch(r"[~+]{0,2}[\w@./-]+", name, re.ASCII):
        return "names are made of letters, digits, dots and slashes"
    if not any(mark in value for mark in "\"'[]{}()"):
        return f"quote a value with special signs twice: '{name}=\"{value}\"'"
    return "quote what holds commas, brackets or quotes twice: 'name=\"value\"'"


def hint_at_option(error: ConfigAttributeError | ConfigKeyError) -> str:
    """A hint at the options that the user may have meant by an unknown one."""
    key, parent = str(error.key), error.parent_node
    assert isinstance(parent, DictConfig)
    if "/" in key:
        place = key.rpartition("/")[0]
        node = OmegaConf.select(parent._get_root(), place.replace("/", "."))
        inner = groups_in(node) if isinstance(node, DictConfig) else []
        return nearest(key, [f"{place}/{name}" for name in inner] or top_level_names())
    known = [name for name in parent if name not in PROGRAMS_OWN]
    deeper = [] if get_close_matches(key, map(str, known), cutoff=0.6) else [*paths_to(key, parent._get_root())]
    if not deeper and parent._get_parent() is None:
        return nearest(key, dict.fromkeys([*known, *top_level_names()]))
    return f"Did you mean {' or '.join(deeper)}?" if deeper else nearest(key, known)


def groups_in(node: DictConfig) -> list[str]:
    """The names of the groups directly below a node."""
    return [str(name) for name in node if isinstance(node._get_node(name), DictConfig)]


def paths_to(key: str, node: object, path: str = "") -> Iterator[str]:
    """Yield the paths of all options of that name in a configuration."""
    if not isinstance(node, DictConfig) or node._is_none() or node._is_missing():
        return
    for name in map(str, node):
        if name == key:  # a group is chosen with slashes
            yield f"{path}{name}".replace(".", "/") if name in groups_in(node) else f"{path}{name}"
        elif name not in PROGRAMS_OWN:
            yield from paths_to(key, node._get_node(name), f"{path}{name}.")


def top_level_names() -> list[str]:
    """The groups and top-level values of the configuration being composed; empty once Hydra has failed."""
    if not GlobalHydra.instance().is_initialized():
        return []
    loader = GlobalHydra.instance().config_loader()
    groups = [group for group in loader.list_groups("") if group != "hydra"]
    return [*groups, *(f"model/{group}" for group in loader.list_groups("model")), "seed", "resume"]
