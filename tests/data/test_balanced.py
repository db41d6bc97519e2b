from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_lab.data import balanced

Sizes = st.lists(st.integers(1, 40), min_size=1, max_size=6)


@given(Sizes, st.integers(0, 5), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_an_epoch_has_as_many_images_of_each_class(sizes: list[int], seed: int, epoch: int) -> None:
    classes = 2 * torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))  # every other class has no image
    order = balanced.order(classes, seed, epoch)
    assert torch.equal(order, balanced.order(classes, seed, epoch)), "a pure function"
    each = -(-sum(sizes) // len(sizes))
    assert classes[order].bincount()[::2].tolist() == [each] * len(sizes)


@given(Sizes, st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_the_images_of_a_class_come_up_equally_often_over_all_epochs(sizes: list[int], epochs: int) -> None:
    classes = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    seen = torch.cat([balanced.order(classes, 3, epoch) for epoch in range(epochs)]).bincount(minlength=len(classes))
    for label in range(len(sizes)):
        of_class = seen[classes == label]
        assert of_class.max() - of_class.min() <= 1


def test_classes_are_mixed_in_an_epoch_and_epochs_differ() -> None:
    classes = torch.tensor([0] * 90 + [1] * 10)
    first, second = (balanced.order(classes, 0, epoch) for epoch in range(2))
    assert not torch.equal(first, second)
    assert not torch.equal(first, balanced.order(classes, 1, 0))
    tenths = classes[first].view(10, 10).sum(1)
    assert 0 < tenths.min() <= tenths.max() < 10  # the chance of a tenth of one class is below 1 in 100


@pytest.mark.parametrize("size", [1, 7, 4096, 5000])
def test_a_part_of_the_passes_is_a_part_of_the_whole_row(size: int) -> None:
    whole = balanced.passes(size, 5, 0, 3 * size + 9000)
    assert torch.equal(balanced.passes(size, 5, size + 2, 7000), whole[size + 2 :][:7000])
    for start in range(0, 3 * size, size):
        assert sorted(whole[start : start + size].tolist()) == list(range(size))
    assert Counter(whole.tolist()).keys() == set(range(size))
