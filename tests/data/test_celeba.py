"""CelebA from its zip and tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.data.celeba import CelebA
from gan_lab.utils.categories import parts
from gan_lab.utils.errors import UserError
from tests.data.archives import file, noise, options, png, publish, zipped

PARTITION = [0, 0, 1, 2, 0, 2]
ATTRIBUTES = {"Bald": [-1, 1, 1, -1, -1, 1], "Male": [1, 1, -1, -1, -1, 1], "Smiling": [1, -1, 1, 1, -1, 1]}


def make(root: Path, **others: Any) -> CelebA:
    shared = {
        "image_size": 32,
        "channels": 3,
        "num_classes": 1,
        "attributes": [],
        "cache": str(root / "cache"),
        "fit": "crop",
    }
    return CelebA(**options(root, **shared) | others)


def publish_all(root: Path, patch: pytest.MonkeyPatch, change: Any = lambda name, text: text) -> list[np.ndarray]:
    """The three files; returns the pictures (32, 32, 3), which need no resizing."""
    names = [f"{number:06d}.jpg" for number in range(1, 7)]
    pictures = [noise(number, 32, 32, 3) for number in range(6)]  # as PNG, which keeps every value
    contents = {f"img_align_celeba/{name}": png(each) for name, each in zip(names, pictures, strict=True)}
    publish(patch, CelebA, "archive", zipped(root / "celeba/img_align_celeba.zip", contents))
    partition = "".join(f"{name} {number}\n" for name, number in zip(names, PARTITION, strict=True))
    rows = zip(names, *ATTRIBUTES.values(), strict=True)
    table = f"6\n{' '.join(ATTRIBUTES)} \n" + "".join("  ".join(map(str, row)) + "\n" for row in rows)
    for attribute, name, text in (
        ("partition", "list_eval_partition.txt", partition),
        ("table", "list_attr_celeba.txt", table),
    ):
        publish(patch, CelebA, attribute, file(root / "celeba" / name, change(name, text).encode()))
    return pictures


def test_splits_are_those_of_the_partition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = publish_all(tmp_path, monkeypatch)
    (tmp_path / "celeba/list_attr_celeba.txt").unlink()  # which is not needed without attributes
    data = make(tmp_path)
    data.prepare_data()
    train, test = data.load("train"), data.load("test")
    assert np.array_equal(train.images.permute(0, 2, 3, 1).numpy(), np.stack([pictures[i] for i in (0, 1, 4)]))
    assert np.array_equal(test.images.permute(0, 2, 3, 1).numpy(), np.stack([pictures[i] for i in (3, 5)]))
    assert train.labels.tolist() == [0, 0, 0]


def test_combinations_of_attributes_are_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_all(tmp_path, monkeypatch)
    data = make(tmp_path, attributes=["Male", "Smiling"], num_classes=4)
    data.prepare_data()
    assert data.load("train").labels.tolist() == [3, 1, 0]
    assert data.load("test").labels.tolist() == [2, 3]
    assert data.class_names == ["-Male -Smiling", "+Male -Smiling", "-Male +Smiling", "+Male +Smiling"]
    assert data.describe()["class_images"] == [1, 1, 0, 1]
    with pytest.raises(ValueError, match=r"data\.attributes=\['Male'\] has 2 classes: data\.num_classes must be 2"):
        make(tmp_path, attributes=["Male"], num_classes=3)
    with pytest.raises(UserError, match=r"data\.attributes: CelebA has no Smile\. Did you mean Smiling"):
        make(tmp_path, attributes=["Smile"], num_classes=2).prepare_data()


def test_networks_may_see_each_attribute_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_all(tmp_path, monkeypatch)
    data = make(tmp_path, attributes=["Male", "Smiling"], num_classes=[2, 2])
    data.prepare_data()
    assert data.num_classes == 4
    labels = data.load("train").labels
    assert labels.tolist() == [3, 1, 0]
    smiling, male = parts(labels, [2, 2])
    assert (male.tolist(), smiling.tolist()) == ([1, 1, 0], [1, 0, 0])
    message = r"each of CelebA's attributes has two values, .* set data\.num_classes=\[2,2\]"
    for wrong in ([2], [2, 3]):
        with pytest.raises(ValueError, match=message):
            make(tmp_path, attributes=["Male", "Smiling"], num_classes=wrong)


def test_more_attributes_than_can_be_counted_are_refused_at_once(tmp_path: Path) -> None:
    names = [f"attribute {number}" for number in range(40)]
    with pytest.raises(ValueError, match=r"40 attributes have 1,099,511,627,776 combinations, .* choose 12 at most"):
        make(tmp_path, attributes=names, num_classes=[2] * 40)
    assert make(tmp_path, attributes=names[:12], num_classes=4096).num_classes == 4096
    with pytest.raises(ValueError, match=r"\['Male', 'Male'\]: name each attribute once"):
        make(tmp_path, attributes=["Male", "Male"], num_classes=4)


def test_the_images_may_be_unpacked_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_all(tmp_path, monkeypatch)
    make(tmp_path).prepare_data()
    (tmp_path / "celeba/img_align_celeba.zip").unlink()
    data = make(tmp_path)
    data.prepare_data()
    assert len(data.load("train").labels) == 3
    (tmp_path / "celeba/img_align_celeba/000002.jpg").unlink()
    with pytest.raises(UserError, match=r"img_align_celeba lacks 000002\.jpg of CelebA\. Remove the folder"):
        make(tmp_path).prepare_data()


def test_who_brings_the_files_is_told_which_and_where(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        make(tmp_path, attributes=["Male"], num_classes=2).prepare_data()
    said = str(refused.value)
    assert "celeba lacks list_eval_partition.txt, list_attr_celeba.txt and img_align_celeba.zip of CelebA" in said
    assert "Put them there, from http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html" in said
    assert "Google Drive, where its authors keep it, often refuses programs" in said
    assert "\n" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("list_eval_partition.txt", "000002.jpg 0", "000002.jpg 7", "list_eval_partition.txt: line 2 is no file name"),
        (
            "list_attr_celeba.txt",
            "000002.jpg  1  1",
            "000002.jpg  1",
            "txt: line 4 is no file name with 3 numbers, 1 or -1",
        ),
        ("list_attr_celeba.txt", "000004.jpg", "000009.jpg", "list_attr_celeba.txt lacks 000004.jpg"),
    ],
)
def test_damaged_tables_are_named(
    name: str, old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_all(tmp_path, monkeypatch, lambda file, text: text.replace(old, new) if file == name else text)
    with pytest.raises(UserError, match=message):
        make(tmp_path, attributes=["Male"], num_classes=2).prepare_data()


def test_validation_images_are_none_of_those_to_train_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_all(tmp_path, monkeypatch)
    data = make(tmp_path, validation_count=1)
    data.prepare_data()
    data.setup("fit")
    assert {split: len(labels) for split, (_, labels) in data.splits.items()} == {"train": 2, "validation": 1}
