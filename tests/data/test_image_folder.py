import logging
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_lab.config.schema import build, check
from gan_lab.data import decoded
from gan_lab.data.image_folder import ImageFolder
from gan_lab.data.in_memory import EpochLoader
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from tests.conftest import composed, fit, tiny_gan

VALUES = {"cats": 10, "dogs": 100, "eels": 200}  # each class's images are of one value, plus their number


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes of twenty images; those of the eels lie deeper."""
    root = tmp_path / "pictures"
    for name, value in VALUES.items():
        place = root / name / ("pond" if name == "eels" else "")
        place.mkdir(parents=True)
        for index in range(20):
            Image.fromarray(np.full((9, 12), value + index, np.uint8)).save(place / f"{index:02}.png")
    (root / "notes").mkdir()
    (root / "notes/readme.txt").write_text("no class")
    return root


def make(root: Path, **options: Any) -> ImageFolder:
    defaults: dict[str, Any] = {
        "root": str(root),
        "test_fraction": 0.1,
        "cache": str(root.parent / "cache"),
        "image_size": 8,
        "channels": 1,
        "num_classes": 3,
        "validation_count": 0,
        "batch_size": 4,
        "seed": 0,
    }
    return ImageFolder(**defaults | options)


def loaded(data: ImageFolder, stage: str = "fit") -> tuple[list[int], list[int]]:
    data.prepare_data()
    data.setup(stage)
    images, labels = data.splits["train" if stage == "fit" else "test"]
    assert images.shape == (len(labels), data.channels, *data.image_size)
    assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
    return images[:, 0, 0, 0].tolist(), labels.tolist()


def test_subfolders_are_classes_in_the_order_of_their_names(folder: Path) -> None:
    values, labels = loaded(make(folder))
    assert labels == [0] * 18 + [1] * 18 + [2] * 18
    assert values == [first + index for first in VALUES.values() for index in range(20) if index not in (9, 19)]


def numbered(root: Path, count: int, per_class: int = 4) -> Path:
    """Class folders 0, 1, ..., whose images have the class's number as their value."""
    for number in range(count):
        (root / str(number)).mkdir(parents=True)
        for index in range(per_class):
            Image.fromarray(np.full((8, 8), 20 * number, np.uint8)).save(root / f"{number}/{index}.png")
    return root


def test_numbered_classes_keep_their_numbers_as_labels(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    data = make(numbered(tmp_path / "numbers", 12), num_classes=12)
    values, labels = loaded(data)
    assert values == [20 * label for label in labels]
    assert data.describe()["classes"] == [str(number) for number in range(12)]
    assert data.describe()["class_images"] == [4] * 12
    assert "Classes: 0 0 (4), 1 1 (4), 2 2 (4), " in caplog.text
    assert "9 9 (4), and 2 more" in caplog.text


def test_a_run_keeps_the_order_of_classes_that_it_began_with(tmp_path: Path) -> None:
    numbered(tmp_path / "numbers", 12)
    old = ["0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"]
    data = make(tmp_path / "numbers", num_classes=12)
    data.recall({"classes": old})
    values, labels = loaded(data)
    assert values == [20 * int(old[label]) for label in labels]
    assert data.describe()["classes"] == old
    for other in ({"classes": old[1:]}, {"classes": None}, {}):
        data = make(tmp_path / "numbers", num_classes=12)
        data.recall(other)
        assert data.listing.names == [str(number) for number in range(12)], "other folders have an order of their own"


@pytest.mark.parametrize(("num_classes", "testing"), [(2, "test"), (1, "Val")])
def test_a_folder_with_splits_of_its_own_is_not_trained_on_its_test_images(
    num_classes: int, testing: str, tmp_path: Path
) -> None:
    for index, split in enumerate(("train", testing, "valid" if testing == "test" else "extra")):
        numbered(tmp_path / "pictures" / split, 2, per_class=3 + index)
    data = make(tmp_path / "pictures", num_classes=num_classes, test_fraction=None)
    assert loaded(data) == ([0, 0, 0, 20, 20, 20], [0, 0, 0, 1, 1, 1] if num_classes == 2 else [0] * 6)
    assert len(loaded(data, "test")[0]) == 8
    assert data.describe()["classes"] == (["0", "1"] if num_classes == 2 else [])
    with pytest.raises(UserError, match=r"data\.test_fraction=0\.1: .* has test images of its own"):
        make(tmp_path / "pictures", num_classes=num_classes).prepare_data()
    with pytest.raises(UserError, match=r"pictures has 2 class folders, 0 \(7\), 1 \(7\): set data\.num_classes=2"):
        make(tmp_path / "pictures", num_classes=3, test_fraction=None).prepare_data()


def test_test_images_without_a_class_are_no_test_split_of_a_dataset_with_classes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    numbered(tmp_path / "pictures/train", 2)
    (numbered(tmp_path / "pictures/test", 1) / "0").rename(tmp_path / "pictures/test_flat")
    (tmp_path / "pictures/test").rmdir()
    (tmp_path / "pictures/test_flat").rename(tmp_path / "pictures/test")
    data = make(tmp_path / "pictures", num_classes=2, test_fraction=None)
    assert len(loaded(data)[0]) == 8
    assert "images beside the class folders are left out (4)" in caplog.text
    with pytest.raises(UserError, match="^no image of .*pictures is left for the test split$"):
        data.setup("test")


@pytest.mark.parametrize("available", [0, 2**30])
def test_all_splits_and_later_runs_have_the_range_of_the_training_images(
    available: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(decoded.memory, "available", lambda: available)
    (tmp_path / "scans").mkdir()
    for index in range(20):
        Image.fromarray(np.full((8, 8), 50 * index, np.uint16)).save(tmp_path / f"scans/{index:02}.png")
    once, tested_alone = (make(tmp_path / "scans", num_classes=1) for _ in range(2))
    assert loaded(once)[0] == [round(255 * index / 18) for index in range(20) if index not in (9, 19)]
    for data in (once, tested_alone):
        assert loaded(data, "test")[0] == [round(255 * 9 / 18), 255]
        assert data.describe()["window"] == [0, 900]
    assert "of pixels with more than 8 bits 0 becomes black and 900 white; data.window=[0,900] sets this" in caplog.text
    fixed = make(tmp_path / "scans", num_classes=1, window=(0, 2550))
    assert loaded(fixed)[0][:3] == [0, 5, 10]
    assert fixed.describe()["window"] == [0, 2550]


def test_a_background_and_a_window_are_checked(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.background=whyte: no such colour; white, black or #ff8000, say"):
        make(folder, background="whyte")
    with pytest.raises(ValueError, match=r"data\.window=\[9, 1\]: the first value must be below the second"):
        make(folder, window=(9, 1))


def test_every_tenth_image_of_a_class_is_for_testing_with_labels_or_without(folder: Path) -> None:
    expected = [first + index for first in VALUES.values() for index in (9, 19)]
    assert loaded(make(folder), "test") == (expected, [0, 0, 1, 1, 2, 2])
    assert loaded(make(folder, num_classes=1), "test") == (expected, [0] * 6)


def test_classes_are_ignored_on_request_and_that_is_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    data = make(folder, num_classes=1)
    assert set(loaded(data)[1]) == {0}
    assert "folders are ignored, cats (20), dogs (20), eels (20); data.num_classes=3 makes them labels" in caplog.text
    assert data.describe()["classes"] == []


@pytest.mark.parametrize("classes", [2, 4])
def test_another_number_of_classes_is_refused_with_the_right_one(classes: int, folder: Path) -> None:
    with pytest.raises(
        UserError, match=r"3 class folders, cats \(20\), .*: set data\.num_classes=3, or data\.num_classes=1"
    ):
        make(folder, num_classes=classes).prepare_data()


def test_a_flat_folder_has_one_class(folder: Path) -> None:
    assert set(loaded(make(folder / "dogs", num_classes=1))[1]) == {0}
    with pytest.raises(UserError, match=r"has no class folders: set data\.num_classes=1$"):
        make(folder / "dogs", num_classes=3).prepare_data()


def test_images_beside_the_class_folders_count_only_without_classes(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.fromarray(np.full((8, 8), 5, np.uint8)).save(folder / "stray.png")
    assert 5 not in loaded(make(folder))[0]
    assert "images beside the class folders are left out (1)" in caplog.text
    assert 5 in loaded(make(folder, num_classes=1))[0]


def test_only_one_process_does_the_talking(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFolder, "_rank", 1)
    (folder / "cats/03.png").write_text("text")
    Image.new("L", (8, 8)).save(folder / "stray.png")
    assert len(loaded(make(folder))[0]) == 53
    assert caplog.text == ""


def test_labels_stay_with_their_images_when_files_are_damaged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("cats/03.png", "cats/19.png", "dogs/00.png"):
        (folder / name).write_text("text")
    data = make(folder)
    values, labels = loaded(data)
    assert labels == [0] * 17 + [1] * 17 + [2] * 18
    assert values[:5] == [10, 11, 12, 14, 15]
    assert values[17] == 101
    assert "2 of 54 images can't be read" in caplog.text
    loaded(data, "test")
    assert data.describe() == {
        "name": "image_folder",
        "source": str(folder),
        "substitute": False,
        "train_images": 52,
        "test_images": 5,
        "train_damaged": 2,
        "test_damaged": 1,
        "classes": ["cats", "dogs", "eels"],
        "class_images": [18, 18, 18],
    }


def test_images_that_do_not_fit_into_memory_come_from_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "cats/03.png").write_text("text")
    expected = loaded(make(folder))
    monkeypatch.setattr(decoded.memory, "available", lambda: 0)
    assert loaded(make(folder)) == expected
    assert len(list((folder.parent / "cache").iterdir())) == 1
    data = make(folder)
    fit(tiny_gan(), data, max_steps=2)
    assert data.describe()["train_images"] == 53


@pytest.mark.parametrize("available", [0, 2**30])
def test_files_are_held_out_before_they_are_decoded(
    available: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded.memory, "available", lambda: available)
    everything = set(zip(*loaded(make(folder)), strict=True))
    data = make(folder, validation_count=7)
    trained_on = set(zip(*loaded(data), strict=True))
    images, labels = data.splits["validation"]
    validation_count = set(zip(images[:, 0, 0, 0].tolist(), labels.tolist(), strict=True))
    assert (len(trained_on), len(validation_count)) == (47, 7)
    assert trained_on | validation_count == everything
    assert "test" not in data.splits
    assert data.describe()["validation_images"] == 7


def test_a_train_count_takes_some_of_the_files(folder: Path) -> None:
    everything = set(zip(*loaded(make(folder)), strict=True))
    few = set(zip(*loaded(make(folder, train_count=5)), strict=True))
    assert len(few) == 5
    assert few < everything


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_and_sizes_are_as_asked(channels: int, folder: Path) -> None:
    Image.new("RGB", (100, 50), (255, 0, 0)).save(folder / "cats/00.png")
    data = make(folder, channels=channels, image_size=32)
    loaded(data)
    assert data.splits["train"][0][0, :, 5, 5].tolist() == ([76] if channels == 1 else [255, 0, 0])


def test_what_is_no_folder_or_has_no_images_is_one_message(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UserError, match=r"data\.root=/nowhere: no such folder"):
        make(Path("/nowhere"))
    with pytest.raises(UserError, match="contains no images"):
        make(folder / "notes").prepare_data()


def test_testing_needs_a_share(folder: Path) -> None:
    data = make(folder, test_fraction=0.0)
    assert len(loaded(data)[0]) == 60
    with pytest.raises(UserError, match=r"data\.test_fraction=0\.0: no image of .*pictures is left for the test"):
        data.setup("test")


def test_the_command_line_names_the_folder(folder: Path) -> None:
    config = composed(
        "data=image_folder", f"data.root={folder}", "data.num_classes=3", "data.image_size=64", "data.batch_size=8"
    )
    check(config)
    data = build(config.data)
    data.setup("fit")
    assert data.splits["train"][0].shape == (54, 3, 64, 64)
    with pytest.raises(UserError, match=r"^data\.root: this value is missing; set data\.root=\.\.\.$"):
        check(composed("data=image_folder"))
    with pytest.raises(UserError, match=r"^data\.test_fraction=1\.0: must be less than 1$"):
        check(composed("data=image_folder", f"data.root={folder}", "data.test_fraction=1.0"))


def table(folder: Path, *rows: str, columns: str = "file,class") -> str:
    path = folder.parent / "labels.csv"
    path.write_text("\n".join((columns, *rows)))
    return str(path)


def sizes_of(folder: Path) -> str:
    """A table that calls images with an odd number big or huge, and the others small, with the animal beside."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    sizes = ["small" if int(Path(name).stem) % 2 == 0 else "10 big" if "cats" in name else "9 big" for name in names]
    rows = [f"{name},{size},{name.partition('/')[0]}" for name, size in zip(names, sizes, strict=True)]
    return table(folder, *rows, columns="file,size,animal")


def test_classes_come_from_a_table_in_natural_order(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = make(folder, labels=sizes_of(folder), attributes=["size"])
    with caplog.at_level(logging.INFO):
        values, labels = loaded(data)
    assert data.describe()["classes"] == ["size=9 big", "size=10 big", "size=small"]
    by_name = dict(zip(values, labels, strict=True))
    assert [by_name[value] for value in (11, 12, 101, 102, 201)] == [1, 2, 0, 2, 0]
    assert "Classes: 0 size=9 big (20), 1 size=10 big (10), 2 size=small (30)" in caplog.text
    assert len(loaded(data, "test")[1]) == 2 + 1 + 3


def test_a_table_of_one_column_or_of_a_class_needs_no_choice(folder: Path) -> None:
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.png")]
    rows = [f"{name},{'x' if 'cats' in name else 'y'}" for name in names]
    for columns in ("file,class", "file,kind"):
        data = make(folder, labels=table(folder, *rows, columns=columns), num_classes=2)
        assert loaded(data)[1].count(0) == 18
        assert data.describe()["classes"] == ["x", "y"]


def test_several_attributes_are_one_label_and_all_combinations_are_classes(folder: Path) -> None:
    data = make(folder, labels=sizes_of(folder), attributes=["animal", "size"], num_classes=[3, 3])
    values, labels = loaded(data)
    assert data.num_classes == 9
    names = data.describe()["classes"]
    assert names[:3] == ["animal=cats,size=9 big", "animal=cats,size=10 big", "animal=cats,size=small"]
    assert data.describe()["attributes"] == {
        "animal": ["cats", "dogs", "eels"],
        "size": ["9 big", "10 big", "small"],
    }
    by_name = dict(zip(values, labels, strict=True))
    assert [by_name[value] for value in (11, 12, 101, 102, 201)] == [1, 2, 3, 5, 6]
    assert data.describe()["class_images"] == [0, 9, 9, 9, 0, 9, 9, 0, 9]
    joint = make(folder, labels=sizes_of(folder), attributes=["animal", "size"], num_classes=9)
    assert loaded(joint) == (values, labels)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "has no column class, and several others; choose: data.attributes=[size,animal]"),
        ({"attributes": ["sizes"]}, "has no column sizes. Did you mean size?"),
        (
            {"attributes": ["size"], "num_classes": 4},
            "data.attributes has size: 9 big, 10 big, small: set data.num_classes=[3], or 1",
        ),
        (
            {"attributes": ["size", "animal"], "num_classes": [3, 2]},
            "small; animal: cats, dogs, eels: set data.num_classes=[3,3], or 1",
        ),
        (
            {"groups": "animal", "num_classes": 5},
            "has 3 classes, 9 big (20), 10 big (10), small (30): set data.num_classes=3",
        ),
        ({"groups": "animals"}, "choose: data.attributes=[size,animal]"),
    ],
)
def test_a_choice_that_does_not_fit_the_table_is_one_line(options: dict[str, Any], reason: str, folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        make(folder, labels=sizes_of(folder), **options).prepare_data()
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"attributes": ["size"]}, "data.attributes=['size']: are columns of a table; set data.labels to its file"),
        (
            {"num_classes": [2, 3]},
            "data.num_classes=[2, 3]: has a number for each of data.attributes, of which there are 0",
        ),
        ({"num_classes": [70, 70], "attributes": ["size", "animal"]}, "4,900 combinations are too many"),
        ({"attributes": ["size", "size"]}, "name each column once, and one at least"),
        ({"attributes": []}, "name each column once, and one at least"),
    ],
)
def test_options_that_contradict_each_other_are_one_line(options: dict[str, Any], reason: str, folder: Path) -> None:
    given = {} if "of a table" in reason or "of which" in reason else {"labels": sizes_of(folder)}
    with pytest.raises(ValueError, match=re.escape(reason)):
        make(folder, **given | options)


def test_a_table_must_fit_the_folder(folder: Path) -> None:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    rows = [f"{name},x" for name in names]
    with pytest.raises(UserError, match=r"has no line for cats/00\.png in data\.root"):
        make(folder, labels=table(folder, *rows[1:]), num_classes=1).prepare_data()
    with pytest.raises(UserError, match=r"bird\.png \(line 62\) can't be found among the images of data\.root="):
        make(folder, labels=table(folder, *rows, "bird.png,x"), num_classes=1).prepare_data()
    with pytest.raises(UserError, match=r"labels\.csv has no classes: set data\.num_classes=1$"):
        make(folder, labels=table(folder, *rows)).prepare_data()


def test_classes_of_a_table_can_be_ignored(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        data = make(folder, labels=sizes_of(folder), attributes=["size"], num_classes=1)
        assert set(loaded(data)[1]) == {0}
    assert "The 3 classes are ignored, size=9 big (20)" in caplog.text
    assert set(loaded(make(folder, labels=sizes_of(folder), num_classes=1))[1]) == {0}


def sides(data: ImageFolder) -> dict[str, set[str]]:
    """The names of the files of each split."""
    return {
        split: {path.relative_to(data.root).as_posix() for path in files} for split, files in data.listing.files.items()
    }


def test_patients_stay_on_one_side(tmp_path: Path) -> None:
    root = tmp_path / "scans"
    for name in [
        f"{kind}/p{patient}/{scan}"
        for kind in ("sick", "well")
        for patient in range(12)
        for scan in range(patient % 4 + 1)
    ]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(root / f"{name}.png")
    rows = [f"{path.relative_to(root).as_posix()},{path.parts[-2]}" for path in root.rglob("*.png")]
    by_table = {"labels": table(root, *rows, columns="file,patient"), "groups": "patient", "num_classes": 1}
    for options in ({"groups": "folder", "num_classes": 2}, {"groups": r"/p\d+/", "num_classes": 1}, by_table):
        found = sides(make(root, test_fraction=0.3, validation_count=12, **options))
        patients = {split: {name.split("/")[1] for name in names} for split, names in found.items()}
        assert all(patients.values())
        assert not patients["train"] & patients["test"]
        assert not patients["train"] & patients["validation"]
        assert not patients["validation"] & patients["test"]
        assert sum(map(len, found.values())) == 60
        assert 12 <= len(found["test"]) <= 24
        assert 9 <= len(found["validation"]) <= 15


def test_copies_are_on_one_side(tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    for name in "ab":
        (root / name).mkdir(parents=True)
        for number in range(20):
            Image.new("L", (8, 8), number % 7).save(root / name / f"{number:02}.{'png' if number % 2 else 'bmp'}")
    (root / "a/damaged.png").touch()
    options: dict[str, Any] = {"test_fraction": 0.3, "validation_count": 8, "num_classes": 2}

    def shades(**more: Any) -> list[set[int]]:
        found = sides(make(root, **options, **more))
        assert sum(map(len, found.values())) == 41
        numbers = [[name for name in names if "damaged" not in name] for names in found.values()]
        return [{int(name.rpartition("/")[2][:2]) % 7 for name in names} for names in numbers]

    together, apart = shades(groups="copies"), shades()
    assert all(together)
    assert sum(map(len, together)) == 7
    assert sum(map(len, apart)) > 7, "without the option they are not"


def test_groups_on_both_sides_of_a_folders_own_splits_are_refused(tmp_path: Path) -> None:
    for name in ("train/p1/a", "train/p2/b", "test/p2/c", "test/p3/d"):
        (tmp_path / "scans" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / "scans" / f"{name}.png")
    with pytest.raises(UserError, match=r"^data\.groups=folder: p2 is among the training and among the test images"):
        make(tmp_path / "scans", test_fraction=None, num_classes=1, groups="folder").prepare_data()


@given(st.lists(st.integers(1, 9), min_size=2, max_size=9), st.floats(0.05, 0.6), st.integers(0, 4), st.booleans())
@settings(max_examples=25, deadline=None)
def test_groups_of_any_sizes_are_never_split(
    sizes: list[int], share: float, validation_count: int, labelled: bool
) -> None:
    with TemporaryDirectory() as place:
        root = Path(place) / "pictures"
        for group, size in enumerate(sizes):
            folder = root / "ab"[group % 2] / f"g{group}"
            folder.mkdir(parents=True)
            for number in range(size):
                (folder / f"{number}.png").touch()  # listed, not decoded
        data = make(root, test_fraction=share, num_classes=1 + labelled, groups=r"g\d+")
        tested = sides(data)["test"]
        data = make(
            root, test_fraction=share, num_classes=1 + labelled, groups=r"g\d+", validation_count=validation_count
        )
        if validation_count >= sum(sizes) - len(tested):
            return
        found = sides(data)
        assert found["test"] == tested, "whatever is kept for validation"
        groups = [{name.split("/")[1] for name in names} for names in found.values()]
        assert sum(map(len, groups)) == len(set().union(*groups)) == len(sizes)
        assert sum(map(len, found.values())) == sum(sizes)


def test_transparent_pixels_land_on_the_background(folder: Path) -> None:
    """A drawing in black and white on nothing, whose hidden pixels are black in the file, as those of emoji are."""
    drawing = np.zeros((8, 8, 4), np.uint8)
    drawing[2:4, 2:4] = (0, 0, 0, 255)
    drawing[4:6, 4:6] = (255, 255, 255, 255)
    drawing[6, 6] = (0, 0, 0, 128)
    for image in (Image.fromarray(drawing), Image.fromarray(drawing).convert("LA"), as_palette(drawing)):
        for path in folder.rglob("*.png"):
            path.unlink()
        for animal in VALUES:
            (folder / animal).mkdir(exist_ok=True)
            for number in range(10):
                image.save(folder / animal / f"{number}.png")
        for background, value in (("white", 255), ("#804020", None), ("black", 0)):
            data = make(folder, channels=3, background=background)
            data.setup("fit")
            corner, black, half = (data.splits["train"][0][:, :, y, y] for y in (0, 3, 6))
            expected = [0x80, 0x40, 0x20] if value is None else [value] * 3
            assert corner.unique(dim=0).tolist() == [expected]
            assert black.unique(dim=0).tolist() == [[0, 0, 0]]
            if image.mode != "P":
                assert (half[0] - torch.tensor(expected) / 2).abs().max() <= 1


def as_palette(drawing: np.ndarray) -> Image.Image:
    """The drawing with a palette whose first colour, black, is transparent; half-transparent pixels become so, too."""
    image = Image.new("P", (8, 8))
    image.putpalette([0, 0, 0, 0, 0, 0, 255, 255, 255])
    image.putdata([0 if alpha < 255 else 1 + (red == 255) for red, *_, alpha in drawing.reshape(-1, 4).tolist()])
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(("depth", "dtype"), [(16, torch.uint16), ("float", torch.float32)])
def test_deep_images_are_normalised_by_their_window_and_shared_by_processes(
    depth: Any, dtype: torch.dtype, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 4001, (16, 8, 8, 2)).astype(np.uint16)
    pixels[0, 0, 0] = 0, 4000
    np.save(tmp_path / "deep.npy", pixels)
    data = make(tmp_path / "deep.npy", channels=2, num_classes=1, depth=depth, test_fraction=0.0, display=[2])
    data.prepare_data()
    data.setup("fit")
    images, labels = data.splits["train"]
    assert images.dtype == dtype
    assert np.array_equal(images.numpy(), pixels.transpose(0, 3, 1, 2))
    assert data.describe()["window"] == [0, 4000]
    batch = data.on_after_batch_transfer(LabelledImages(images, labels), 0)
    expected = torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float64)) / 2000 - 1
    assert batch.images.dtype == torch.float32
    assert (batch.images.double() - expected).abs().max() < 1e-6
    assert data.pictures(images).shape == (16, 1, 8, 8)
    alone = EpochLoader(data.splits["train"], batch_size=8, seed=0).batch(1).images
    shares = [EpochLoader(data.splits["train"], batch_size=4, seed=0, rank=rank, world_size=2) for rank in (0, 1)]
    assert torch.equal(torch.cat([share.batch(1).images for share in shares]), alone)


def test_an_npz_gives_its_own_order_of_classes(tmp_path: Path) -> None:
    images = np.repeat(np.arange(20, dtype=np.uint8) * 10, 64).reshape(20, 8, 8, 1)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(20) % 2, classes=np.array(["zebra", "ant"]))
    data = make(tmp_path / "a.npz", num_classes=2)
    values, labels = loaded(data)
    assert data.describe()["classes"] == ["zebra", "ant"]
    assert [value // 10 % 2 for value in values] == labels


def test_slices_of_a_file_are_on_one_side_of_the_split(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="the extra medical is not installed")
    (tmp_path / "scans").mkdir()
    for index in range(10):
        volume = np.full((8, 8, 3), index, np.int16)
        (tmp_path / f"scans/{index}.nii").write_bytes(nibabel.Nifti1Image(volume, np.eye(4)).to_bytes())
    data = make(tmp_path / "scans", num_classes=1)
    assert [path.name for path in data.listing.files["test"]] == [f"9#00{index}.nii" for index in range(3)]
    assert len(data.listing.files["train"]) == 27
    few = make(tmp_path / "scans", num_classes=1, axis=0)
    for index in range(1, 10):
        (tmp_path / f"scans/{index}.nii").unlink()
    assert len(few.listing.files["test"]) == 0, "8 slices, of which every tenth"
