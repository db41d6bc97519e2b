"""A checkpoint held against what the configuration builds, before anything takes its values.

A tensor of another size or layout than its reader expects is read out of bounds, and a counter may say anything. So
names, shapes, types and ranges must be those of a fresh checkpoint of the same run.
"""

import inspect
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from math import isfinite
from typing import Any, NotRequired, get_type_hints

import torch
from lightning import Trainer
from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import Tensor, nn
from typing_extensions import TypedDict

from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.player import PLAYERS
from gan_lab.utils.errors import UserError
from gan_lab.utils.typed_json import Count, problem

RATES = ("lr", "initial_lr")  # of an optimizer's group: a rollback and a schedule change them


class Reported(TypedDict):
    """Numbers for later reports, by name, and the logits of the discriminator's latest turn."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)  # type: ignore[misc]
    pending: dict[str, float]
    latest: dict[str, float]
    logits: NotRequired[dict[str, Tensor]]


class Weights(TypedDict):
    """Part of a checkpoint that sampling needs."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)  # type: ignore[misc]
    state_dict: dict[str, Tensor]
    images_seen: Count
    per_rank_state: NotRequired[list[dict[str, Tensor]]]
    reported: NotRequired[Reported]


WEIGHTS = frozenset(Weights.__annotations__)


class State(Weights):
    """Checkpoint that training goes on from; what is not named here has the types of a fresh state."""

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)  # type: ignore[misc]
    global_step: Count
    epoch: Count
    loops: dict[str, Any]
    callbacks: dict[str, Any]
    optimizer_states: list[dict[str, Any]]
    lr_schedulers: list[Any]
    loggers: NotRequired[dict[str, Any]]


@cache
def _form(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def check_weights(checkpoint: dict[str, Any], model: AdversarialModule, file: object) -> None:
    """Refuse a checkpoint whose weights are not those of the model, which has taken them then.

    Raises:
        UserError: naming what differs.
    """
    _refuse(file, _wrong_type(Weights, checkpoint) or _misfit(checkpoint, model))


def check_state(checkpoint: dict[str, Any], model: AdversarialModule, trainer: Trainer, file: object) -> None:
    """Refuse a checkpoint that is not one of a run of this model, which has taken its weights then, and trainer.

    Raises:
        UserError: naming what differs.
    """
    _refuse(file, _wrong_type(State, checkpoint))
    if problem := _misfit(checkpoint, model):
        _refuse(file, f"{problem}; init_from= starts a new run with what fits")
    _refuse(file, next(_differences(checkpoint, model, trainer), None))


def mismatch(network: nn.Module, state: Mapping[str, Tensor], prefix: str = "") -> str | None:
    """The first difference between a network and saved weights; None if they fit.

    Args:
        network: that the weights are for.
        state: tensors by the names of the network's `state_dict`.
        prefix: put before the names in the message.
    """
    wanted = network.state_dict()
    for name in (*wanted, *state):
        if name not in state:
            return f"{prefix}{name} is missing there"
        if name not in wanted:
            return f"{prefix}{name} is there, but not in the model"
        if problem := _other_tensor(wanted[name], state[name]):
            return f"{prefix}{name} is {problem} in the model"
    return None


def _refuse(file: object, problem: str | None) -> None:
    if problem:
        raise UserError(f"{file} does not fit the run's configuration: {problem}")


def _wrong_type(kind: Any, values: object) -> str | None:
    try:
        _form(kind).validate_python(values, strict=True)
    except ValidationError as error:
        return f"it {problem(error)}"
    return None


def _misfit(checkpoint: dict[str, Any], model: AdversarialModule) -> str | None:
    state = checkpoint["state_dict"]
    own = {name for name in model.state_dict() if name.startswith(model.per_rank_state)}
    for rank in checkpoint.get("per_rank_state", []):
        if rank.keys() != own:
            return "per_rank_state has other names"
    for weights in (state, *({**state, **rank} for rank in checkpoint.get("per_rank_state", []))):
        if wrong := mismatch(model, weights):
            return wrong
        try:
            model.load_state_dict(weights)
        except (RuntimeError, ValueError) as error:
            return str(error).splitlines()[-1].strip()
    return None


def _differences(checkpoint: dict[str, Any], model: AdversarialModule, trainer: Any) -> Iterator[str]:
    """Yield what differs from a fresh state, by its path."""
    yield from _differing({"fit_loop": trainer.fit_loop.state_dict()}, checkpoint["loops"], "loops")
    if len(checkpoint["optimizer_states"]) != len(PLAYERS):
        yield f"optimizer_states has {len(checkpoint['optimizer_states'])} entries, not {len(PLAYERS)}"
    for name, fresh, state in zip(PLAYERS, _optimizers(model), checkpoint["optimizer_states"], strict=True):
        yield from _differing_optimizer(fresh, state, f"the {name}'s optimizer")
    plugin = trainer.precision_plugin
    parts = [(plugin, type(plugin).__qualname__, checkpoint)]
    parts += [(callback, callback.state_key, checkpoint["callbacks"]) for callback in trainer.callbacks]
    loggers = [logger for logger in trainer.loggers if hasattr(logger, "state_dict")]
    parts += [(logger, logger.name, checkpoint.get("loggers", {})) for logger in loggers]
    for part, key, states in parts:
        if key not in states or not (fresh := part.state_dict()):
            continue
        declared = get_type_hints(type(part).state_dict).get("return")
        if type(part).__module__.startswith("gan_lab."):
            if wrong := _wrong_type(declared, states[key]):
                yield f"{key} {wrong.removeprefix('it ')}"
        else:
            yield from _differing(fresh, states[key], key)


def _optimizers(model: AdversarialModule) -> list[torch.optim.Optimizer]:
    """The optimizers after a step of a copy of the model: they make their state when they first step."""
    optimizers = deepcopy(model).configure_optimizers()
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
    return optimizers


def _differing_optimizer(optimizer: torch.optim.Optimizer, state: Any, path: str) -> Iterator[str]:
    fresh = optimizer.state_dict()
    if not isinstance(state, dict) or not {"state", "param_groups"} <= state.keys():
        yield f"{path} has no state"
        return
    if not isinstance(state["state"], dict) or not state["state"].keys() <= fresh["state"].keys() | _all(fresh):
        yield f"{path} has a state of other parameters"
        return
    for index, values in state["state"].items():
        # What the optimizer keeps only by an option that has been changed since may be missing or left over.
        yield from _differing(fresh["state"].get(index, {}), values, f"{path}, parameter {index}")
    if not isinstance(state["param_groups"], list) or len(state["param_groups"]) != len(fresh["param_groups"]):
        yield f"{path} has other groups"
        return
    for own, group in zip(fresh["param_groups"], state["param_groups"], strict=True):
        if not isinstance(group, dict) or group.get("params") != own["params"]:
            yield f"{path} has groups of other parameters"
            return
        for name in RATES:
            rate = group.get(name)
            rate = rate.item() if isinstance(rate, Tensor) and rate.numel() == 1 else rate
            if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not (isfinite(rate) and rate >= 0):
                yield f"{path}: {name}={rate!r}: must be a finite number of at least 0"
                return
        if group["lr"] > group["initial_lr"] * (1 + 1e-6):  # on a device it is rounded
            yield f"{path}: lr={float(group['lr'])}: no schedule raises it above initial_lr={group['initial_lr']}"
        for name in sorted((group.keys() | own.keys()) - {*RATES, "params", "capturable"}):
            if group.get(name, own.get(name)) is not None or own.get(name) is not None:
                yield from _differing(own.get(name), group.get(name), f"{path}: {name}")
        try:
            values = {name: value for name, value in group.items() if name not in ("params", "initial_lr")}
            taken = inspect.signature(type(optimizer)).parameters.keys()
            type(optimizer)([nn.Parameter(torch.zeros(2, 2))], **{k: v for k, v in values.items() if k in taken})
        except (TypeError, ValueError, RuntimeError) as error:
            yield f"{path}: {str(error).splitlines()[0]}"


def _all(fresh: dict[str, Any]) -> set[int]:
    return {index for group in fresh["param_groups"] for index in group["params"]}


def _differing(fresh: Any, there: Any, path: str) -> Iterator[str]:
    """Yield what is of another type or shape than in a fresh state, or is no possible count."""
    if isinstance(fresh, dict):
        if not isinstance(there, dict):
            yield f"{path} is {type(there).__name__}, not a mapping"
            return
        for name in fresh.keys() - there.keys():
            yield f"{path} lacks {name}"
        for name in there.keys() & fresh.keys():
            yield from _differing(fresh[name], there[name], f"{path}.{name}")
    elif isinstance(fresh, Tensor):
        if problem := _other_tensor(fresh, there):
            yield f"{path} is {problem} in a fresh state"
    elif isinstance(fresh, (list, tuple)):
        if not isinstance(there, (list, tuple)) or len(there) != len(fresh):
            yield f"{path}={there!r:.60}: must be {len(fresh)} values"
            return
        for index, (own, other) in enumerate(zip(fresh, there, strict=True)):
            yield from _differing(own, other, f"{path}[{index}]")
    elif isinstance(fresh, float) or (type(fresh) is int and type(there) is float):
        if isinstance(there, bool) or not isinstance(there, (int, float)) or not isfinite(there):
            yield f"{path}={there!r:.60}: must be a finite number"
    elif type(there) is not type(fresh) or (isinstance(fresh, int) and not -1 <= there < 1 << 53):
        yield f"{path}={there!r:.60}: must be {type(fresh).__name__} of a possible size"


def _other_tensor(fresh: Tensor, there: object) -> str | None:
    """The difference of two tensors in words; None where one can take the other's place."""
    if not isinstance(there, Tensor):
        return f"{type(there).__name__} there, and a tensor"
    if fresh.shape != there.shape:
        return f"{tuple(there.shape)} there, and {tuple(fresh.shape)}"
    if not torch.can_cast(there.dtype, fresh.dtype):
        return f"{there.dtype} there, and {fresh.dtype}"
    return None
