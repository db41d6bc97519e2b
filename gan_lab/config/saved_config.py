"""Configurations as run folders, perhaps a stranger's, keep them: values and references to values, bounded in size."""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_lab.config.own_code import is_sealed
from gan_lab.config.renamed import new_name_of, old_classes, old_options
from gan_lab.config.resolvers import RESOLVERS
from gan_lab.utils import own_key
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import read_regular, refuse_ways_out
from gan_lab.utils.run_layout import RunLayout
from gan_lab.utils.shell import chosen
from gan_lab.utils.types import Fact

LARGEST = 1 << 17  # bytes, as written and with all references resolved; ours have about four thousand
LONGEST = 1 << 10  # characters of a value with references
# Only a path in the configuration, or one of these functions of paths, may stand between ${ and }. Other functions of
# Hydra's and OmegaConf's read the environment, the clock or the machine.
FUNCTIONS = "|".join(resolver.__name__ for resolver in RESOLVERS)
PURE = re.compile(rf"\$\{{(?:[\w.\[\]-]+\}}|oc\.select:[\w.\[\]-]+[,}}]|(?:{FUNCTIONS}):)")
REFERENCE = re.compile(r"\$\{(?:oc\.select:)?(\.*)([\w.\[\]-]+)[,}]")
WRITERS = ("trainer", "callbacks", "logger")  # the parts that write files, and may not write them elsewhere
CACHE = Path("data/cache")  # as in conf/
JOIN = ("logger.", "trainer.profiler.")  # parts of libraries that make paths of their folder and any other text


def read(file: Path) -> DictConfig:
    """Read the configuration in a file; reading executes nothing, and resolving looks at nothing but its own values.

    Raises:
        UserError: the file is damaged, larger than any of ours, of an older version, or holds more than values and
            references to values.
    """
    config = read_yaml(file)
    if not isinstance(config, DictConfig):
        raise UserError(f"{file} is not a configuration")
    values: Any = OmegaConf.to_container(config)
    for path, key in keys(values):
        if not isinstance(key, str):
            raise UserError(f"{file}: {path}: a name must be a text, not {type(key).__name__}")
    if old := [*old_options(values), *old_classes(values)]:
        more = f", and {len(old) - 1} more of its names have changed" if len(old) > 1 else ""
        raise UserError(f"{file}: is of an older version: {new_name_of(old[0])}{more}; CHANGELOG.md lists them")
    for path, value in leaves(values):
        if not is_pure(value):
            raise UserError(f"{file}: {path}={value}: a saved configuration may refer to its own values only")
        if isinstance(value, str) and "${" in value and len(value) > LONGEST:
            raise UserError(f"{file}: {path}: a value that refers to others has at most {LONGEST:,} characters")
    try:
        size = resolved_size(values)
    except RecursionError as error:
        raise UserError(f"{file} can't be read: its values refer to each other without end") from error
    if size > LARGEST:
        raise UserError(f"{file} can't be read: its references stand for more than {LARGEST >> 10} kB")
    return config


def read_plain(file: Path) -> Any:
    """Read a file that Hydra wrote beside a configuration, in plain containers: what refers to other values stays text.

    Raises:
        UserError: the file can't be read.
    """
    parsed = read_yaml(file)
    return OmegaConf.to_container(parsed) if OmegaConf.is_config(parsed) else parsed


def read_yaml(file: Path) -> Any:
    """Read what Hydra or this program has written: values, of which none is resolved.

    Raises:
        UserError: the file can't be read, is larger than any of ours, or has aliases.
    """
    try:
        text = read_regular(file, LARGEST).decode()
        # Ours have none, and a few lines of them can stand for more values than fit into memory. Each needs an anchor.
        if "&" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise UserError(f"{file} can't be read: it has YAML aliases")
        return OmegaConf.create(text) if text.strip() else None
    except yaml.MarkedYAMLError as error:
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{file} can't be read: {error.problem}{place}") from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{file} can't be read: {reason(error)}") from error


def use_own_places(config: DictConfig, folder: Path) -> None:
    """Have a saved configuration fetch nothing, and cache where this user does: what lies in the cache is believed.

    Args:
        config: saved in a run's folder, perhaps a stranger's.
        folder: of the run.
    """
    from gan_lab.config.facts import options_with

    for option in options_with(Fact.CACHE, config):
        OmegaConf.update(config, option, str(own_cache(folder)))
    for option in {*options_with(Fact.DOWNLOAD, config), "data.download"}:
        if OmegaConf.select(config, option):
            OmegaConf.update(config, option, False)


def own_cache(folder: Path) -> Path:
    """The folder where this user caches; never below that of a run, where a stranger may have put what it should hold.

    It is that of new runs, below the current folder, or one in the user's home where that is a run's.
    """
    if CACHE.resolve().is_relative_to(folder.resolve()):
        return own_key.folder()
    return CACHE.absolute()


def text(config: DictConfig) -> str:
    """A configuration as YAML; what was read from the environment or the clock is written as the value that it had."""
    return OmegaConf.to_yaml(OmegaConf.create(_settled(OmegaConf.to_container(config), config)))


def refuse_hostile(config: DictConfig, folder: Path, stated: Collection[str]) -> None:
    """Refuse to go on with a run whose files would rule the program, write outside the run's folder, or reach a server.

    Args:
        config: the saved one, `run_dir` set to the folder.
        folder: of the run.
        stated: paths of options that the command line sets: those may lead anywhere.

    Raises:
        UserError: naming the part, option or link.
    """
    from gan_lab.config.facts import facts_about, plain

    _refuse_other_parts(config)
    inside, values = os.path.realpath(folder), plain(config)
    is_own = is_sealed(RunLayout(folder).config_file)
    own_loggers = "logger" in stated or is_own
    _refuse_servers(values, own_loggers)
    if not is_own:
        _refuse_writers_of_libraries(values, stated)
    for path, _ in leaves({name: values[name] for name in WRITERS if name in values}):
        value, facts = OmegaConf.select(config, path), facts_about(values, path)
        if not isinstance(value, str) or path in stated:
            continue
        if own_loggers and path.startswith("logger.") and Fact.OUTPUT_PATH not in facts:
            continue
        if "://" in value or "::" in value:  # as libraries' file systems spell servers and archives
            raise UserError(f"{path}={value}: leads to a server; to go there, set it on the command line: {path}=...")
        if Fact.INPUT_PATH in facts:
            continue
        if path.startswith(JOIN) and Fact.OUTPUT_PATH not in facts and not is_name(value) and "_target_" not in path:
            raise UserError(f"{path}={value}: must be a plain name; to have it, set it on the command line: {path}=...")
        place = Path(value).expanduser()
        is_path = Fact.OUTPUT_PATH in facts or place.is_absolute() or value.startswith("~") or ".." in place.parts
        if is_path and not Path(os.path.realpath(place)).is_relative_to(inside):  # which circles of links don't end
            raise UserError(
                f"{path}={value}: lies outside the run folder. To write there, set it on the command line: {path}=..."
            )
    refuse_ways_out(folder)


def _refuse_servers(values: dict[str, Any], own_loggers: bool) -> None:
    """Refuse parts that may contact a server; as loggers they may where it is the user who has chosen these.

    Args:
        values: of the configuration, plain.
        own_loggers: whether the user has chosen the loggers on the command line, or the user's program has saved them.
    """
    from gan_lab.config.allowed import resolve

    for path, name in leaves(values):
        if not path.endswith("_target_") or (own_loggers and path.startswith("logger.")):
            continue
        named = None
        with suppress(UserError):  # what may not be named at all is refused later
            named = resolve(name, path)
        if getattr(named, "contacts_server", False):
            again = chosen("logger", [str(name) for name, node in values.get("logger", {}).items() if node])
            raise UserError(
                f"{path.removesuffix('._target_')}: may contact a server, which someone else's run does only if you "
                f"say so: add {again}, or logger=default to go on without. {own_key.KEEP}"
            )


def _refuse_writers_of_libraries(values: dict[str, Any], stated: Collection[str]) -> None:
    """Refuse Lightning's loggers and profilers: they open their files themselves, and follow links when they do."""
    from gan_lab.config.allowed import resolve

    for path, name in leaves(values):
        part = path.removesuffix("._target_")
        if path == part or part in stated or (part.startswith("logger.") and "logger" in stated):
            continue
        named: type | None = None
        with suppress(UserError):  # what may not be named at all is refused later
            named = resolve(name, path)
        if named and named.__module__.startswith(("lightning.pytorch.loggers", "lightning.pytorch.profilers")):
            without = "logger=default" if part.startswith("logger.") else f"{part}=null"
            raise UserError(
                f"{part}: {named.__name__} opens files by itself, which in someone else's run it does only if you say "
                f"so; add {without} to go on without. {own_key.KEEP}"
            )


def _refuse_other_parts(config: DictConfig) -> None:
    """Refuse more or less than a run has: Hydra's part, say, names functions that the program would call."""
    from gan_lab.config.schema import Root

    parts = {part.name: part.default is MISSING and part.default_factory is MISSING for part in fields(Root)}
    for name in map(str, config):
        if name not in parts:
            raise UserError(
                f"the run's configuration has a group {name}, which is unknown to gan_lab; the run is not resumed"
            )
    for name, is_required in parts.items():
        if is_required and name not in config:
            raise UserError(f"the run's configuration has no {name}; the run is not resumed")


def is_name(text: str) -> bool:
    """Tell if a text, joined to a folder, is the folder or lies directly in it."""
    return text != ".." and Path(text).name == text


def is_pure(value: object) -> bool:
    """Tell if a value refers to nothing but other values of its configuration."""
    return not isinstance(value, str) or len(PURE.findall(value)) == value.count("${")


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of every leaf of a plain container; impure keys count as leaves of their own."""
    if isinstance(node, dict):
        for key, child in node.items():
            here = f"{path}.{key}" if path else str(key)
            if not is_pure(key):
                yield here, key
            yield from leaves(child, here)
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from leaves(child, f"{path}[{index}]")
    else:
        yield path, node


def keys(node: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the path and value of every name in a plain container."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        here = f"{path}.{key}" if path else str(key)
        if isinstance(node, dict):
            yield here, key
        yield from keys(child, here)


def resolved_size(values: Any) -> int:
    """The number of characters and values that a configuration has with all references resolved.

    A few lines of references to references can stand for more than fits into memory, and nothing is resolved here.

    Raises:
        RecursionError: values refer to themselves.
    """
    sizes: dict[tuple[str, ...], int] = {}

    def size(path: tuple[str, ...]) -> int:
        if path not in sizes:
            node, path_there = values, cast(tuple[str, ...], ())
            for key in path:
                if isinstance(node, str):
                    break  # a reference on the way: what it leads to holds what is wanted
                node, path_there = _child(node, key), (*path_there, key)
            sizes[path] = 1 + sum(size(below) for below in _below(node, path_there))
            sizes[path] += len(node) if isinstance(node, str) else 0
        return sizes[path]

    return size(())


def _child(node: Any, key: str) -> Any:
    if isinstance(node, list):
        return node[int(key)] if key.isdecimal() and int(key) < len(node) else None
    return node.get(key) if isinstance(node, dict) else None


def _below(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the paths of what a node holds, or refers to."""
    if isinstance(node, dict):
        yield from ((*path, str(key)) for key in node)
    elif isinstance(node, list):
        yield from ((*path, str(index)) for index in range(len(node)))
    elif isinstance(node, str):
        for dots, rest in REFERENCE.findall(node):
            parent = path[: len(path) - len(dots)] if dots else ()
            yield (*parent, *re.findall(r"[^.\[\]]+", rest))


def _settled(raw: Any, config: DictConfig, path: str = "") -> Any:
    if isinstance(raw, dict):
        return {key: _settled(child, config, f"{path}.{key}" if path else str(key)) for key, child in raw.items()}
    if isinstance(raw, list):
        return [_settled(child, config, f"{path}[{index}]") for index, child in enumerate(raw)]
    if is_pure(raw):
        return raw
    value = OmegaConf.select(config, path)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
