from typing import Annotated, Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from gan_lab.utils import types
from gan_lab.utils.types import HARMLESS, Fact, OnResume


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        ("PositiveInt", [1, 9], [0, -1, 1.5]),
        ("NonNegativeInt", [0, 9], [-1]),
        ("PositiveFloat", [1e-9, 3], [0.0, -1.0]),
        ("Probability", [0.0, 1.0], [-0.1, 1.1]),
        ("Share", [0.0, 0.99], [-0.1, 1.0]),
        ("ImageSize", [1, 64, (48, 96)], [0, 1.5, True, "64", [48], [0, 5], [1, 2, 3]]),
        ("InputPath", ["a"], [1]),
        ("OutputPath", ["a"], [None]),
    ],
)
def test_ranges_are_as_they_are_called(kind: str, inside: list[Any], outside: list[Any]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(getattr(types, kind))
    assert [adapter.validate_python(value) for value in inside] == inside
    for value in outside:
        with pytest.raises(ValidationError):
            adapter.validate_python(value, strict=isinstance(value, int))


def test_facts_stay_with_an_annotation_and_change_no_range() -> None:
    assert get_args(types.CachePath)[1:] == (Fact.INPUT_PATH, OnResume(""), Fact.INCIDENTAL, Fact.CACHE)
    adapter: TypeAdapter[int] = TypeAdapter(Annotated[types.PositiveInt, HARMLESS, Fact.INCIDENTAL])
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        adapter.validate_python(0)
