"""Splits, classes and groups of a folder; `test_image_folder` has what a training makes of them."""

from pathlib import Path
from typing import Any

import pytest

from gan_lab.data import places
from gan_lab.data.label_table import LabelTable
from gan_lab.data.sorted_folder import SortedFolder
from gan_lab.utils.errors import UserError
from tests.data.test_image_folder import make
from tests.data.test_survey import quiet


def drawn(root: Path, *names: str) -> Path:
    """A folder of files that are listed, and not decoded."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def table(root: Path, *lines: str) -> LabelTable:
    (root / "labels.csv").write_text("\n".join(lines))
    return LabelTable("labels.csv", root)


def sort(root: Path, **options: Any) -> SortedFolder:
    return SortedFolder(places.at(str(root), "FOLDER"), quiet, **options)


def files(sorting: SortedFolder) -> dict[str, list[str]]:
    root = sorting.source.root
    return {
        split: [path.relative_to(root).as_posix() for paths in classes.values() for path in paths]
        for split, classes in sorting.splits.items()
    }


def test_a_training_has_the_same_splits_and_classes(tmp_path: Path) -> None:
    names = [f"{'cat' if number % 3 else 'dog'}/p{number % 7}_{number}.png" for number in range(40)]
    root = drawn(tmp_path / "photos", *names)
    options: dict[str, Any] = {"groups": r"p\d", "test_fraction": 0.3}
    sorting = sort(root, **options)
    data = make(root, num_classes=2, **options)
    assert data.listing.names == sorting.classes.names == ["cat", "dog"]
    assert {split: {*names} for split, names in data.listing.files.items()} == {
        split: {path for paths in classes.values() for path in paths} for split, classes in sorting.splits.items()
    }
    assert not sorting.has_own_test


def test_folders_of_patients_are_groups_or_lie_in_those_of_classes(tmp_path: Path) -> None:
    patients = [f"p{patient}/{scan}.png" for patient in range(30) for scan in range(3)]
    flat = sort(drawn(tmp_path / "flat", *patients), groups="folder")
    deep = sort(drawn(tmp_path / "deep", *(f"{kind}/{name}" for kind in "ab" for name in patients)), groups="folder")
    for sorting, level in ((flat, 0), (deep, 1)):
        assert {*sorting.group_of.values()} == {f"p{patient}" for patient in range(30)}
        tested = [name.split("/")[level] for name in files(sorting)["test"]]
        assert len({*tested}) == 3, "a tenth of the patients"
        assert not {*tested} & {name.split("/")[level] for name in files(sorting)["train"]}
    with pytest.raises(UserError, match="no image lies in a folder that could be its group"):
        sort(tmp_path / "flat", groups="folder", labelled=True)


def test_a_table_may_be_there_for_its_groups_alone(tmp_path: Path) -> None:
    root = drawn(tmp_path / "scans", *(f"{number}.png" for number in range(9)))
    rows = [f"{number}.png,p{number // 3}" for number in range(9)]
    sorting = sort(root, table=table(root, "file,patient", *rows), groups="patient", test_fraction=0.34)
    assert sorting.classes.names == [""]
    assert len(files(sorting)["test"]) == 3
    with pytest.raises(UserError, match="has no column class, and no other one"):
        sort(root, table=table(root, "file,patient", *rows), groups="patient", labelled=True)
    rows = [f"{row},yes,no" for row in rows]
    several = table(root, "file,patient,old,well", *rows)
    with pytest.raises(UserError, match=r"choose: data\.attributes=\[old,well\]"):
        sort(root, table=several, groups="patient")
    assert sort(root, table=several, groups="patient", labelled=False).classes.names == [""]
    found = sort(root, table=several, groups="patient", attributes=["old", "well"]).classes
    assert (found.names, found.attributes) == (["old=yes,well=no"], {"old": ["yes"], "well": ["no"]})
