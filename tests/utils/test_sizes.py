from typing import Any

import pytest

from gan_lab.utils.sizes import as_option, by, checked, height_and_width


def test_a_size_is_height_and_width_or_the_side_of_a_square() -> None:
    assert height_and_width(64) == height_and_width([64, 64]) == (64, 64)
    assert height_and_width([48, 96]) == height_and_width((48, 96)) == (48, 96)
    assert (checked(64), checked([48, 96])) == (64, (48, 96))


def test_a_size_is_written_as_its_option_is() -> None:
    assert [as_option(size) for size in (64, (64, 64), (48, 96))] == ["64", "64", "[48,96]"]
    assert [by(size) for size in (64, (48, 96))] == ["64x64", "48x96"], "height first"


@pytest.mark.parametrize(
    "value", [0, -1, 1.5, True, "48x96", "64", None, [], [48], [0, 5], [48, 96, 3], ["48", 96], {}]
)
def test_anything_else_is_no_size(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^a whole number from 1 on, for squares, or two, \[height,width\]$"):
        height_and_width(value)
