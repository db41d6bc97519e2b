"""Objects that a Python program hands over to stand in a configuration: networks, a loss, a class of model, callbacks.

A configuration holds texts, and a run folder may be a stranger's. So an object is known by a text that nothing can be
imported by, `python:PATH:CLASS`, PATH being its place in the configuration. Only the program that has the object can
build it, while `handing_over` lasts. A class that can be imported is known by its own name, which the environment
variable GAN_LAB_ALLOW may allow as well.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

SCHEME = "python:"
# By the place in a configuration, the argument of `gan_lab.train` and `gan_lab.load` that takes the object.
ARGUMENTS = {
    "model.network.": "networks=(generator, discriminator)",
    "model.objective": "loss=...",
    "model": "model=...",
    "callbacks.": "callbacks=[...]",
}


@dataclass(frozen=True)
class HandedOver:
    """An object, or a class, for one place of a configuration.

    Args:
        kind: its class, by which it is checked.
        make: gives it; called with the options of its place. A plain function: a configuration copies others.
        takes_options: whether the place may hold options.
    """

    kind: type
    make: Callable[..., Any]
    takes_options: bool = False


Objects = Mapping[str, HandedOver]  # by the `_target_` of their place

_objects: ContextVar[Objects] = ContextVar("objects", default=MappingProxyType({}))


@contextmanager
def handing_over(objects: Objects) -> Iterator[None]:
    """Have configurations find these objects, in this part of the program and in this thread."""
    token = _objects.set(objects)
    try:
        yield
    finally:
        _objects.reset(token)


def find(target: object) -> HandedOver | None:
    """The object that a `_target_` stands for; None where none was handed over for it."""
    return _objects.get().get(str(target))


def is_absent(target: object) -> bool:
    """Tell the `_target_` of an object that is not there."""
    return str(target).startswith(SCHEME) and find(target) is None


def missing(target: object) -> str:
    """The line that names an object which is not there, and the argument that takes it."""
    _, _, rest = str(target).partition(SCHEME)
    path, _, what = rest.partition(":")
    argument = next((argument for start, argument in ARGUMENTS.items() if path.startswith(start)), "model=...")
    return (
        f"{path} is an object of a Python program, {what}: hand it over again, gan_lab.load(FOLDER, {argument}) or "
        f"gan_lab.train(resume=FOLDER, {argument})"
    )


def target_of(path: str, thing: object) -> str:
    """The `_target_` of an object or class at a place of a configuration: its own name if that leads to it."""
    kind = thing if isinstance(thing, type) else type(thing)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(thing, type) and is_importable(thing):
        return name
    return f"{SCHEME}{path}:{name}"


def is_importable(kind: type) -> bool:
    """Tell a class that other programs find by its name from one of a notebook, of a script or of a function."""
    module = sys.modules.get(kind.__module__)
    return kind.__module__ != "__main__" and getattr(module, kind.__qualname__, None) is kind


def put_into(values: Any) -> Any:
    """Plain values with what makes an object in place of its `_target_`."""
    if isinstance(values, dict):
        filled = {key: put_into(value) for key, value in values.items()}
        handed = find(values["_target_"]) if "_target_" in values else None
        return filled | {"_target_": handed.make} if handed else filled
    return [put_into(value) for value in values] if isinstance(values, list) else values


def are_there() -> bool:
    """Tell if any object has been handed over."""
    return bool(_objects.get())
