import pytest
import torch

from gan_lab.usefulness.selection import Row, choose
from gan_lab.utils.errors import UserError

LABELS = torch.tensor([0] * 5 + [1] * 20 + [2] * 10)
NAMES = ["cat", "dog", "eel"]


def counts(row: Row, seed: int = 1) -> list[int]:
    found: list[int] = LABELS[choose(LABELS, row, NAMES, seed)].bincount(minlength=3).tolist()
    return found


def test_so_many_of_each_class_or_all_of_them() -> None:
    assert counts(Row(4)) == [4, 4, 4]
    assert counts(Row(None)) == [5, 20, 10]


def test_a_starved_class_has_fewer() -> None:
    assert counts(Row(5, ((2, 1),))) == [5, 5, 1]
    assert counts(Row(None, ((1, 2),))) == [5, 2, 10]
    assert Row(5, ((2, 1),)).name == "5-2x1"
    assert Row(None).name == "all"


def test_a_larger_row_has_the_images_of_a_smaller_one_and_seeds_differ() -> None:
    few, more = (set(choose(LABELS, Row(each), NAMES, 1).tolist()) for each in (2, 5))
    assert few < more
    draws = {tuple(choose(LABELS, Row(2), NAMES, seed).tolist()) for seed in range(20)}
    assert len(draws) > 10


def test_the_order_is_that_of_the_dataset() -> None:
    places = choose(LABELS, Row(5), NAMES, 1)
    assert torch.equal(places, places.sort().values)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Row(6), "--real 6: class cat has only 5 training images; ask for fewer, or for all of each class"),
        (Row(2, ((2, 11),)), "--starve eel=11: class eel has only 10 training images; ask for fewer"),
    ],
)
def test_more_than_there_are_is_refused(row: Row, said: str) -> None:
    with pytest.raises(UserError) as error:
        choose(LABELS, row, NAMES, 1)
    assert str(error.value).startswith(said)
