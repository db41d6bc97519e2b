"""What a configuration may say, checked before anything is built.

The schema is the signature: a node with a `_target_` may hold what that constructor takes, with the types and
ranges of its annotations. A value therefore has its name, type and range in one place, the constructor, and its
default in another, the YAML file.

A configuration may come from a stranger's run folder, so it may only name classes of the packages below, and what
the name resolves to decides, not how it is spelled.
"""

import inspect
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Annotated, Any, cast, get_type_hints

import hydra.utils
from hydra.errors import InstantiationException
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException
from pydantic import ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError

from gan_lab.errors import UserError, nearest


def trusted(environment: Mapping[str, str]) -> set[str]:
    """The packages that GAN_LAB_ALLOW adds, separated by commas: the person at the keyboard can set it, no file can."""
    return {name.strip() for name in environment.get("GAN_LAB_ALLOW", "").split(",")} - {""}


ALLOWED_PACKAGES = trusted(os.environ) | {
    "gan_lab",
    "torch.optim",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.loggers",
    "lightning.pytorch.profilers",
}
# What a choice of one group needs of another, and what to do where that has it not.
LACKING = {
    "data.classes": "model=cgan is told classes, which this data lacks: choose labelled images, data=mnist or another",
    "model.latent_dim": "this network draws from noise, which the model does not: choose model/network=resnet_patchgan "
    "or resnet_patchgan_small for model=cyclegan",
}
INSTANTIATION_KEYS = {"_target_", "_partial_", "_recursive_", "_convert_"}


@dataclass(frozen=True, kw_only=True)
class Root:
    """The top level of conf/train.yaml."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]  # what every library's generators take
    resume: str | None
    run_dir: str | None
    data: dict[str, Any]
    model: dict[str, Any]
    trainer: dict[str, Any]
    callbacks: dict[str, Any] = field(default_factory=dict)
    logger: dict[str, Any] = field(default_factory=dict)


def steps_without_epochs(max_epochs: int | None, steps: int) -> int:
    """The default number of batches, unless the length of the run is given in epochs."""
    return steps if max_epochs is None else -1


def add(*terms: int) -> int:
    """Their sum."""
    return sum(terms)


OmegaConf.register_new_resolver("steps_without_epochs", steps_without_epochs, replace=True)
OmegaConf.register_new_resolver("add", add, replace=True)


def check(config: DictConfig) -> None:
    """Hold a composed configuration against the constructors that it names.

    Raises:
        UserError: listing everything that is wrong, a line each.
    """
    try:
        missing = sorted(OmegaConf.missing_keys(config))
        if missing:
            raise UserError("\n".join(f"{path}: this value is missing; set {path}=..." for path in missing))
        values = OmegaConf.to_container(config, resolve=True)
    except InterpolationKeyError as error:
        lacking = re.search(r"Interpolation key '([^']+)' not found", str(error))
        reason = LACKING.get(lacking[1]) if lacking else None
        raise UserError(reason or str(error).splitlines()[0]) from error
    except OmegaConfBaseException as error:
        raise UserError(str(error).splitlines()[0]) from error
    problems = dict(_problems_of_call(Root, cast(dict[str, Any], values), ""))
    parts = {group: config.get(group) for group in ("data", "model", "trainer")}
    for group in ("callbacks", "logger"):
        parts |= {f"{group}.{name}": node for name, node in (config.get(group) or {}).items() if node is not None}
    for path, node in parts.items():
        if not isinstance(node, DictConfig) or "_target_" not in node:
            problems[path] = f"{path}._target_: this value is missing"
    if problems:
        # A value that is taken from another place is wrong there; say it once.
        own = {path: problem for path, problem in problems.items() if not _is_borrowed(config, path)}
        raise UserError("\n".join((own or problems).values()))


def build(node: DictConfig, **arguments: Any) -> Any:
    """Make the object that a checked node describes, plain Python containers inside.

    Raises:
        UserError: a constructor refuses a value.
    """
    try:
        return hydra.utils.instantiate(node, **arguments, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, UserError):
            raise cause from error
        if isinstance(cause, (ValueError, MisconfigurationException)):
            place = re.search(r"^full_key: (\S+)", str(error), re.MULTILINE)
            raise UserError(f"{place[1]}: {cause}" if place else str(cause)) from error
        raise


def resolve(target: object, path: str) -> type:
    """The class that a `_target_` names.

    Raises:
        UserError: there is none, or it is not one that a configuration may instantiate.
    """
    spelled = str(target)
    module, _, name = spelled.rpartition(".")
    found = None
    if module and any(_is_inside(spelled, package) for package in ALLOWED_PACKAGES):
        try:
            found = getattr(import_module(module), name, None)
        except ImportError as error:
            if not spelled.startswith(f"{error.name}."):
                raise UserError(f"{path}: {spelled} needs a package that is not installed: {error}") from error
    if not isinstance(found, type) or not any(_is_inside(found.__module__, package) for package in ALLOWED_PACKAGES):
        raise UserError(
            f"{path}={spelled}: not a class that a configuration may instantiate; these are the classes in "
            f"{', '.join(sorted(ALLOWED_PACKAGES))}"
        )
    return found


def _is_borrowed(config: DictConfig, path: str) -> bool:
    parent, _, key = path.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and key in node and OmegaConf.is_interpolation(node, key)


def _is_inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _problems(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """What is wrong with anything instantiated at or below a node: paths, and the message for each."""
    if isinstance(node, Mapping) and "_target_" in node:
        try:
            constructor = resolve(node["_target_"], f"{path}._target_")
        except UserError as error:
            yield path, str(error)
        else:
            yield from _problems_of_call(constructor, node, path)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _problems(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _problems(value, f"{path}[{index}]")


def _problems_of_call(constructor: type, values: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """What is wrong with calling a constructor with these values."""
    parameters, takes_anything = _parameters(constructor)
    prefix = f"{path}." if path else ""
    for key, value in values.items():
        if key in INSTANTIATION_KEYS:
            continue
        yield from _problems(value, prefix + key)  # what is nested is held against its own constructor
        if key not in parameters:
            if not takes_anything:
                message = f"{constructor.__name__} has no such option. {nearest(key, parameters)}"
                yield prefix + key, f"{prefix}{key}: {message}"
        elif not _holds_target(value):
            yield from _problems_of_value(parameters[key].annotation, value, prefix + key)
    if not values.get("_partial_", False):
        required = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}
        for name in sorted(required - values.keys()):
            yield prefix + name, f"{prefix}{name}: this value is missing"


def _problems_of_value(annotation: Any, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if annotation is inspect.Parameter.empty:
        return
    try:
        adapter = TypeAdapter(Annotated[annotation, Field()], config=ConfigDict(arbitrary_types_allowed=True))
        # Through JSON, the way strict types still take a list for a tuple and a whole number for a float.
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        # The members of a union that plain values can't be, tensors say, are of no help.
        details = [detail for detail in error.errors() if detail["type"] != "needs_python_object"] or error.errors()
        reasons = dict.fromkeys(detail["msg"].removeprefix("Input should be ") for detail in details)
        yield path, f"{path}={value}: must be {' or '.join(reasons)}"
    except PydanticUserError:
        return  # a library's annotation that says nothing about plain values


def _holds_target(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "_target_" in value or any(_holds_target(child) for child in value.values())
    return isinstance(value, list) and any(_holds_target(child) for child in value)


def _parameters(constructor: type) -> tuple[dict[str, inspect.Parameter], bool]:
    """The keyword parameters of a constructor, and whether it takes any others as well.

    In our own classes `**options` stands for the parameters of the next class in line; what a library's `**kwargs`
    are for only the library knows.
    """
    found: dict[str, inspect.Parameter] = {}
    for owner in constructor.__mro__:
        if "__init__" not in vars(owner):
            continue
        signature = inspect.signature(owner.__init__)  # type: ignore[misc]
        hints = _hints(owner.__init__)  # type: ignore[misc]
        passes_on = False
        for name, parameter in list(signature.parameters.items())[1:]:
            if parameter.kind is parameter.VAR_KEYWORD:
                passes_on = True
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                found.setdefault(name, parameter.replace(annotation=hints.get(name, parameter.empty)))
        if not passes_on:
            return found, False
        if not _is_inside(owner.__module__, "gan_lab"):
            return found, True
    return found, False


def _hints(function: Any) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError:  # a library's forward reference
        return {}
