import pytest
import torch

from gan_lab.utils.categories import combinations, parts, sizes


def test_plain_classes_are_one_attribute() -> None:
    assert (sizes(7), combinations(7)) == ([7], 7)
    labels = torch.tensor([0, 6, 3])
    assert [part.tolist() for part in parts(labels, 7)] == [[0, 6, 3]]


def test_a_label_is_a_combination_whose_first_attribute_counts_most() -> None:
    assert (sizes([2, 3]), combinations([2, 3])) == ([2, 3], 6)
    first, second = parts(torch.arange(6), [2, 3])
    assert first.tolist() == [0, 0, 0, 1, 1, 1]
    assert second.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("categories", [[4], [2, 3, 5], [7, 1, 2]])
def test_each_label_has_parts_of_its_own(categories: list[int]) -> None:
    found = torch.stack(parts(torch.arange(combinations(categories)), categories), 1)
    assert len({tuple(row) for row in found.tolist()}) == combinations(categories)
    assert (found < torch.tensor(categories)).all()
