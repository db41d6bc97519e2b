"""JSON files held against a type when they are read: what is wrong is named by file and field."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import read_regular

Count = Annotated[int, Field(ge=0, lt=1 << 53)]  # what a float still tells apart from its neighbours
Finite = Annotated[float, Field(allow_inf_nan=False)]
T = TypeVar("T")
SHOWN = 60  # characters of a wrong value


def read_json(file: Path, form: TypeAdapter[T]) -> T:
    """Read a file of JSON of a given type.

    Raises:
        UserError: the file can't be read, is no JSON, or holds something else.
    """
    try:
        content = read_regular(file)
    except OSError as error:
        raise UserError(f"{file} can't be read: {reason(error)}") from error
    try:
        return form.validate_json(content, strict=True)
    except ValidationError as error:
        raise UserError(f"{file} {problem(error)}") from error


def problem(error: ValidationError) -> str:
    """The first thing that is wrong: the field, its value, and what it must be."""
    first: Any = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "json_invalid":
        return f"can't be read: {first['msg']}"
    if first["type"] == "missing":
        return f"lacks {place}"
    said = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"holds {place + '=' if place else ''}{repr(first['input'])[:SHOWN]}: must be {said}"
