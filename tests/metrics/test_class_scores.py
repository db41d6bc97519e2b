from math import inf, log

import pytest
import torch

from gan_lab.metrics import class_scores


def test_classes_are_counted() -> None:
    counts = class_scores.histogram(torch.tensor([0, 2, 2, 3]), 5)
    assert counts.tolist() == [1, 0, 2, 1, 0]
    assert class_scores.modes(counts) == 3


def test_the_divergence_by_hand() -> None:
    even, uneven = torch.tensor([5, 5]), torch.tensor([1, 3])
    assert class_scores.divergence(even, even * 7) == pytest.approx(0, abs=1e-12)
    assert class_scores.divergence(uneven, even) == pytest.approx(0.25 * log(0.5) + 0.75 * log(1.5))
    assert class_scores.divergence(even, uneven) == pytest.approx(0.5 * log(2) + 0.5 * log(2 / 3))
    assert class_scores.divergence(torch.tensor([4, 0]), even) == pytest.approx(log(2)), "a missing mode is finite"
    assert class_scores.divergence(even, torch.tensor([4, 0])) == inf


def test_three_digits_make_a_class_of_stacked_mnist() -> None:
    logits = torch.zeros(2, 3, 10)
    for image, digits in enumerate([(9, 0, 4), (0, 1, 2)]):
        for channel, digit in enumerate(digits):
            logits[image, channel, digit] = 1
    assert class_scores.stacked(logits).tolist() == [904, 12]


def test_stacks_of_independent_digits_by_hand() -> None:
    digits = torch.tensor([[0, 5, 9], [0, 6, 9], [1, 6, 9], [0, 6, 9]])
    shares = class_scores.independent(digits)
    assert shares.shape == (1000,)
    assert shares[[59, 69, 159, 169]].tolist() == [3 / 16, 9 / 16, 1 / 16, 3 / 16]
    assert shares.sum() == 1


def test_fid_within_classes_needs_enough_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_scores, "ENOUGH_IN_CLASS", 20)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(100) % 4
    real = torch.randn(100, 3, generator=generator)
    fake, requested = real.clone(), labels.clone()
    fake[requested == 1] += 2
    requested[requested == 3] = 2  # no image of class 3 was requested
    distances = class_scores.within_classes(real, labels, fake, requested)
    assert sorted(distances) == [0, 1, 2]
    assert distances[0] == pytest.approx(0, abs=1e-6)
    assert distances[1] == pytest.approx(3 * 2**2, rel=1e-5)
    assert class_scores.within_classes(real[:70], labels[:70], fake, requested) == {}


def test_neighbours_are_looked_for_within_a_class() -> None:
    """Class 0 is generated well; of class 1 far away; of class 2 there are too few; -1 is no class."""
    generator = torch.Generator().manual_seed(0)
    real = torch.randn(100, 3, generator=generator)
    labels = torch.tensor([0] * 40 + [1] * 40 + [2] * 5 + [-1] * 15)
    fake, requested = real.clone(), labels.clone()
    fake[requested == 1] += 100
    found = class_scores.manifold_within_classes(real, labels, fake, requested)
    assert sorted(found) == [0, 1]
    assert (found[0]["precision"], found[0]["coverage"]) == (1, 1)
    assert (found[1]["precision"], found[1]["recall"]) == (0, 0)


def test_halves_have_the_fid_of_equally_many_other_real_images_for_a_floor() -> None:
    """Class 0 is as good as real, class 1 is shifted by 2 in each of 40 values, of class 2 there are too few."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 60 + [1] * 60 + [2] * 19 + [-1] * 30)
    real, fake = (torch.randn(len(labels), 40, generator=generator) for _ in range(2))
    fake[labels == 1] += 2
    found = class_scores.halves_within_classes(real, labels, fake, labels, seed=0)
    assert sorted(found) == [0, 1]
    assert [found[label]["half_images"] for label in found] == [30, 30]
    assert found[0]["half_floor"] > 20, "so few images are far from each other, which is the bias"
    assert found[0]["half_fid"] == pytest.approx(found[0]["half_floor"], rel=0.05)
    assert found[1]["half_fid"] == pytest.approx(found[1]["half_floor"] + 40 * 2**2, rel=0.05)
    few = class_scores.halves_within_classes(real, labels, fake[:70], labels[:70], seed=0)
    assert {label: values["half_images"] for label, values in few.items()} == {0: 30, 1: 10}


def test_halves_of_large_classes_are_as_large_as_fid_within_classes_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_scores, "ENOUGH_IN_CLASS", 12)
    features, labels = torch.randn(50, 3), torch.zeros(50, dtype=torch.long)
    assert class_scores.halves_within_classes(features, labels, features, labels, seed=0)[0]["half_images"] == 12


def test_halves_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """One real value of 0 and one of 2 in each half, generated 5 and 7: means 1 and 6, the same covariance."""
    monkeypatch.setattr(class_scores, "ENOUGH_IN_HALF", 2)
    monkeypatch.setattr(class_scores.seeding, "permutation", lambda size, _: torch.arange(size))
    real, fake, labels = torch.tensor([[0.0], [2.0], [0.0], [2.0]]), torch.tensor([[5.0], [7.0]]), torch.zeros(4)
    (values,) = class_scores.halves_within_classes(real, labels.long(), fake, labels[:2].long(), seed=0).values()
    assert values == pytest.approx({"half_images": 2, "half_fid": 25, "half_floor": 0})
