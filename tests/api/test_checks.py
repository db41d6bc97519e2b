import pytest

from gan_lab.api import checks
from gan_lab.utils.errors import UserError


def test_what_is_meant_is_taken() -> None:
    checks.whole("count", 3, 3)
    checks.a_place("out", "folder")
    assert checks.one_of("split", "test", ("test", "train")) == "test"
    assert checks.which("best") == "best"
    assert [checks.is_ema(weights) for weights in ("ema", "raw")] == [True, False]


@pytest.mark.parametrize("value", [2, True, 3.0, "3", None])
def test_another_number_is_named(value: object) -> None:
    with pytest.raises(UserError, match=r"^count=.*: must be a whole number of at least 3$"):
        checks.whole("count", value, 3)


def test_other_choices_are_named() -> None:
    with pytest.raises(UserError, match="^out=5: must be a folder or the name of a run"):
        checks.a_place("out", 5)
    with pytest.raises(UserError, match="^checkpoint='first': must be 'last' or 'best'$"):
        checks.which("first")
    with pytest.raises(UserError, match="^weights='average': must be 'ema' or 'raw'$"):
        checks.is_ema("average")
