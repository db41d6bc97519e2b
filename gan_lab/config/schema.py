"""The schema of a configuration, which its values are checked against before anything is built.

The schema is the signature: a node with a `_target_` may hold what that constructor takes, with the types and
ranges of its annotations. A value therefore has its name, type and range in one place, the constructor, and its
default in another, the YAML file.

`gan_lab.config.allowed` says which classes a node may name.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import hydra.utils
from hydra.errors import InstantiationException
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import AfterValidator, ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError

import gan_lab.config.resolvers  # noqa: F401 - configurations use them
from gan_lab.config import handed_over
from gan_lab.config.allowed import is_inside, resolve
from gan_lab.config.own_code import targets
from gan_lab.config.renamed import new_name_of, old_options
from gan_lab.utils.errors import UserError, nearest
from gan_lab.utils.run_layout import run_name
from gan_lab.utils.types import HARMLESS, Fact, InputPath, OnResume, PositiveInt

# By the value that one group needs of another: the message where that group lacks it, or can't take it.
LACKING = {
    "data.num_classes": "model=cgan and acgan need class labels, which these data lack: choose others, such as "
    "data=mnist",
    "model.num_classes": "this network takes labels, which the model has none of: choose model=cgan with "
    "model/conditioning=native, or another model/network",
    "model.penalty.r1.gamma": "this model/schedule moves gamma of R1, a penalty that the model does not have: choose "
    "model/penalty=r1_r2 or r1 as well, or another model/schedule",
    "model.latent_dim": "this network generates from noise, but the model translates images: choose "
    "model/network=resnet_patchgan for cyclegan, unet_patchgan for pix2pix or contrastive_patchgan for cut",
}
CHECKS = ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False)
OF_LENGTH = {"missing": "longer", "too_long": "shorter"}  # what pydantic says of tuples, in a word
INSTANTIATION_KEYS = {"_target_", "_partial_", "_recursive_", "_convert_"}


RunName = Annotated[str, AfterValidator(run_name)]
LONGEST_TAG = 64  # characters; W&B takes no longer ones


def tag(text: str) -> str:
    """Take a text for a tag of a run.

    Raises:
        ValueError: it is empty or too long.
    """
    if not 1 <= len(text) <= LONGEST_TAG:
        raise ValueError(f"1 to {LONGEST_TAG} characters each")
    return text


Tag = Annotated[str, AfterValidator(tag)]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Options of a sweep's jobs that don't change what each of them learns."""

    dir: str | None
    jobs_per_device: PositiveInt


@dataclass(frozen=True, kw_only=True)
class Root:
    """The top level of conf/train.yaml."""

    seed: Annotated[
        int,
        Field(ge=0, lt=2**32),  # what every library's generators take
        OnResume("different noise and order of images"),
        Fact.INCIDENTAL,
    ]
    resume: Annotated[str | None, Fact.INCIDENTAL]
    run_dir: Annotated[str | None, Fact.INCIDENTAL]
    resume_mode: Literal["exact", "continue"] = "exact"
    run: Annotated[RunName | None, Fact.INCIDENTAL] = None
    tags: Annotated[list[Tag], HARMLESS, Fact.INCIDENTAL] = field(default_factory=list)
    notes: Annotated[str | None, HARMLESS, Fact.INCIDENTAL] = None
    init_from: InputPath | None = None
    data: Annotated[LightningDataModule, OnResume("different images, or another order")]
    model: Annotated[LightningModule, OnResume("different weights or losses")]
    trainer: Trainer
    callbacks: Annotated[
        dict[str, Callback | None], OnResume("this callback may change the training"), Fact.INCIDENTAL
    ] = field(default_factory=dict)
    logger: Annotated[dict[str, Logger | None], HARMLESS, Fact.INCIDENTAL] = field(default_factory=dict)
    sweep: Annotated[Sweep | None, Fact.INCIDENTAL] = None


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
    except OmegaConfBaseException as error:
        lacking = re.search(r"Interpolation key '([^']+)' not found", str(error))
        reason = LACKING.get(lacking[1]) if lacking else None
        raise UserError(reason or f"{error.full_key}: {str(error).splitlines()[0]}") from error
    problems = dict(_problems_of_call(Root, cast(dict[str, Any], values), ""))
    parts = {group: config.get(group) for group in ("data", "model", "trainer")}
    for group in ("callbacks", "logger"):
        parts |= {f"{group}.{name}": node for name, node in (config.get(group) or {}).items() if node is not None}
    for path, node in parts.items():
        if node is None:
            problems[path] = f"{path}: this part is missing; choose one, {path}=... (--help lists them)"
        elif not isinstance(node, DictConfig) or "_target_" not in node:
            problems[path] = f"{path}._target_: this value is missing"
            if not isinstance(node, DictConfig):
                problems[path] = f"{path}={spelled(node)}: must be a group of values, or null, which leaves it out"
    problems |= {old: new_name_of(old) or "" for old in old_options(cast(dict[str, Any], values))}
    if "no such option" in problems.get("model.latent_dim", ""):  # which the network's file has brought along
        problems["model.latent_dim"] = LACKING["model.latent_dim"]
    if problems:
        # A value that is taken from another place is wrong there; say it once.
        own = {path: problem for path, problem in problems.items() if not _is_borrowed(config, path)}
        raise UserError("\n".join((own or problems).values()))


def lacking(node: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the values that the constructors named at or below a node of plain values need and lack."""
    if isinstance(node, Mapping):
        if "_target_" in node and not node.get("_partial_", False):
            with suppress(UserError):
                declared, _ = parameters(resolve(node["_target_"], path))
                needed = {name for name, parameter in declared.items() if parameter.default is parameter.empty}
                yield from (f"{path}.{name}" if path else name for name in sorted(needed - node.keys()))
        for key, child in node.items():
            yield from lacking(child, f"{path}.{key}" if path else str(key))


def build(node: DictConfig, **arguments: Any) -> Any:
    """Make the object that a checked node describes, plain Python containers inside.

    Raises:
        UserError: a constructor refuses a value.
    """
    if absent := [target for target in targets(OmegaConf.to_container(node)) if handed_over.is_absent(target)]:
        raise UserError(handed_over.missing(absent[0]))  # and nothing looks for a module of that name
    if handed_over.are_there():
        values = cast(dict[str, Any], OmegaConf.to_container(node, resolve=True))
        node = DictConfig(handed_over.put_into(values), flags={"allow_objects": True})
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


def _is_borrowed(config: DictConfig, path: str) -> bool:
    parent, _, key = path.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and key in node and OmegaConf.is_interpolation(node, key)


def _problems(node: Any, path: str, annotation: Any = Any) -> Iterator[tuple[str, str]]:
    """Yield the problems of everything instantiated at or below a node: the path and the message of each.

    Args:
        node: plain values.
        path: of the node.
        annotation: of the parameter that it is given to.
    """
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if isinstance(node, Mapping) and handed_over.is_absent(node.get("_target_")):
        return  # whoever builds it is told so; to sample, say, nobody builds callbacks
    if isinstance(node, Mapping) and "_target_" in node:
        expected, is_called_later = _made_by(annotation)
        handed = handed_over.find(node["_target_"])
        try:
            constructor = resolve(node["_target_"], f"{path}._target_")
        except UserError as error:
            yield path, str(error)
            return
        if not issubclass(constructor, expected):
            yield path, f"{path}._target_={node['_target_']}: not a subclass of {expected.__name__}"
        elif expected is not object and bool(node.get("_partial_")) != is_called_later:
            yield path, f"{path}._partial_: must be {spelled(is_called_later)}"
        elif handed and not handed.takes_options:
            if options := node.keys() - {"_target_"}:
                yield path, f"{path}.{min(options)}: {constructor.__name__} is an object, which takes no options"
        else:
            yield from _problems_of_call(constructor, node, path)
    elif isinstance(node, Mapping):
        inner = get_args(annotation)[1] if get_origin(annotation) in (dict, Mapping) else Any
        for key, value in node.items():
            yield from _problems(value, f"{path}.{key}" if path else str(key), inner)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _problems(value, f"{path}[{index}]")


def _made_by(annotation: Any) -> tuple[type, bool]:
    """The class of an argument of this annotation; with True, the class of what the argument makes when called."""
    if get_origin(annotation) is Callable:
        return _made_by(get_args(annotation)[1])[0], True
    if get_origin(annotation) in (Union, UnionType):
        (annotation, *others) = (kind for kind in get_args(annotation) if kind is not type(None))
        if others:
            return object, False
    # A protocol is no base class, and says nothing of a class before there is an object.
    is_class = isinstance(annotation, type) and not getattr(annotation, "_is_protocol", False)
    return (annotation if is_class else object), False


def _problems_of_call(constructor: type, values: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield the problems of calling a constructor with these values."""
    declared, takes_anything = parameters(constructor)
    prefix = f"{path}." if path else ""
    owner = "the configuration" if constructor is Root else constructor.__name__
    for key, value in values.items():
        if key in INSTANTIATION_KEYS:
            continue
        annotation = declared[key].annotation if key in declared else Any
        yield from _problems(value, prefix + key, annotation)  # nested values are checked by their own constructor
        if key not in declared:
            if not takes_anything or key == "_args_":
                lacking = f"{prefix}{key}: {owner} has no such option. {nearest(key, declared)}"
                if prefix.startswith("model.network."):  # what a model sets of its network's players, perhaps
                    lacking += " model/network=... chooses other networks."
                yield prefix + key, new_name_of(prefix + key) or LACKING.get(prefix + key) or lacking
        elif not _holds_target(value):
            yield from _problems_of_value(annotation, value, prefix + key)
    if not values.get("_partial_", False):
        required = {name for name, parameter in declared.items() if parameter.default is parameter.empty}
        for name in sorted(required - values.keys()):
            yield prefix + name, f"{prefix}{name}: this value is missing"


def _problems_of_value(annotation: Any, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if annotation is inspect.Parameter.empty:
        return
    try:
        adapter = TypeAdapter(Annotated[annotation, Field()], config=CHECKS)
        # Through JSON, the way strict types still take a list for a tuple and a whole number for a float.
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        # The members of a union that plain values can't be, tensors say, are of no help.
        details = [detail for detail in error.errors() if detail["type"] != "needs_python_object"] or error.errors()
        reasons: dict[str, dict[str, None]] = {}  # by the path of what is wrong; in order, each once
        values = {}
        for detail in details:
            place, wrong = _place(detail["loc"], value, path)
            reason = OF_LENGTH.get(
                detail["type"], detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
            )
            if detail["type"] in ("dict_type", "needs_python_object"):
                reason = f"given by names: {place}.NAME=..."
            elif detail["type"] in ("list_type", "tuple_type") and isinstance(wrong, (str, int, float)):
                more = ",..." if detail["type"] == "tuple_type" else ""
                reason = f"a list, {place}=[{spelled(wrong)}{more}]"
            elif detail["type"] == "missing" and isinstance(detail["loc"][-1], str):
                reason = f"given with a value for {detail['loc'][-1]}"
            reasons.setdefault(place, {})[reason] = None
            values[place] = wrong
        for place, several in reasons.items():
            yield place, f"{place}={spelled(values[place])}: must be {' or '.join(several)}"
    except PydanticUserError:
        return  # a library's annotation that says nothing about plain values


def spelled(value: Any) -> str:
    """A value as one writes it on a command line."""
    if isinstance(value, list):
        return f"[{', '.join(map(spelled, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _place(location: tuple[int | str, ...], value: Any, path: str) -> tuple[str, Any]:
    """The path and the value that a complaint is about: a value in a mapping, or the whole."""
    if len(location) == 1 and isinstance(value, Mapping) and location[0] in value:
        return f"{path}.{location[0]}", value[location[0]]
    return path, value


def _holds_target(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "_target_" in value or any(_holds_target(child) for child in value.values())
    return isinstance(value, list) and any(_holds_target(child) for child in value)


@cache
def parameters(constructor: type) -> tuple[dict[str, inspect.Parameter], bool]:
    """The keyword parameters of a constructor, and whether it takes any others as well.

    In our own classes `**options` stands for the parameters of the next class in line; what a library's `**kwargs`
    are for only the library knows.
    """
    declared: dict[str, inspect.Parameter] = {}
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
                declared.setdefault(name, parameter.replace(annotation=hints.get(name, parameter.empty)))
        if not passes_on:
            return declared, False
        if not is_inside(owner.__module__, "gan_lab"):
            return declared, True
    return declared, False


def _hints(function: Any) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError:  # a library's forward reference
        return {}
