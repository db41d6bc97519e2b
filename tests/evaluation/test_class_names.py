from collections.abc import Sequence

import pytest
import torch

from gan_lab.evaluation import class_names
from gan_lab.evaluation.class_names import match, numbered
from gan_lab.evaluation.image_sets import ImageSet
from tests.conftest import tiny_cgan, tiny_gan


@pytest.mark.parametrize(
    ("own", "other", "labels", "said"),
    [
        (["cat", "dog"], ["dog", "cat"], [1, 0], "2, by their names"),
        (["0", "1", "2"], ["0", "1", "2"], [0, 1, 2], "3, by their names"),
        (["0", "1"], ["0", "1", "2"], [0, 1], "2, by their numbers"),
        (["cat", "dog"], ["cat", "dog", "emu"], None, "none: only the second set has emu"),
        (["cat"], ["dog"], None, "none: only the first set has cat and only the second set has dog"),
        (["cat", "cat"], ["cat", "cat"], None, "none: names come twice"),
        (["0", "1"], ["cat", "dog"], None, "none: only the first set has 0, 1 and only the second set has cat, dog"),
        (None, ["cat"], None, "none: the first set has none"),
        (["cat"], None, None, "none: the second has none"),
        (None, None, None, "none: the first set and the second have none"),
        (
            [*"abcdefg"],
            ["x"],
            None,
            "none: only the first set has a, b, c, d, e and 2 more and only",
        ),
    ],
)
def test_classes_match_by_their_names(
    own: Sequence[str] | None, other: Sequence[str] | None, labels: list[int] | None, said: str
) -> None:
    found = match(own, other)
    assert (None if found.labels is None else found.labels.tolist()) == labels
    assert found.said.startswith(said)


def test_numbers_are_labels_of_a_dataset_whose_classes_have_names() -> None:
    found = match(["0", "1"], ["cat", "dog"], by_number=True)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1]
    assert match(["emu"], ["cat", "dog"], by_number=True).labels is None


def test_names_are_numbers_or_not() -> None:
    assert numbered(["0", "1", "2"])
    assert not numbered(["0", "2"])
    assert not numbered(["zero"])


def test_a_conditional_run_has_the_names_of_its_data() -> None:
    assert class_names.of_run({}, tiny_gan()) is None
    model = tiny_cgan()
    assert class_names.of_run({}, model) == [str(label) for label in range(model.num_classes)]
    assert class_names.of_run({"classes": ["a", "b"]}, model) == ["a", "b"]


def test_a_dataset_has_names_or_numbers() -> None:
    images, labels = torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 1, 1, 0])
    assert class_names.of_dataset(ImageSet(images, labels, "a")) == ["0", "1"]
    assert class_names.of_dataset(ImageSet(images, labels, "a", ["cat", "dog"])) == ["cat", "dog"]
    assert class_names.of_dataset(ImageSet(images, None, "a")) is None
    assert numbered(class_names.of_dataset(ImageSet(images, labels, "a")) or ["no"])
