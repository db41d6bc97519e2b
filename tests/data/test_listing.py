import logging
import os
from pathlib import Path

import pytest
from PIL import Image

from gan_lab.data import listing
from gan_lab.data.listing import by_folder, find, find_splits, in_natural_order, split_files
from gan_lab.utils.errors import UserError
from tests.data.test_image_files import COLOUR, png, saved


def empty(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_files_are_found_at_any_depth_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.PNG", "a/z.jpg", "a/deep/er/x.webp", "c.bmp"):
        saved(Image.fromarray(COLOUR), tmp_path / name)
    for name in ("notes.txt", ".hidden.png", ".thumbs/a.png", "a/._z.jpg", "noending"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    names = [path.relative_to(tmp_path).as_posix() for path in find(tmp_path)]
    assert names == ["a/deep/er/x.webp", "a/z.jpg", "b.PNG", "c.bmp"]


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    png(tmp_path / "elsewhere/a.png")
    (tmp_path / "root/own").mkdir(parents=True)
    (tmp_path / "root/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/own/circle").symlink_to(tmp_path / "root")
    assert [path.name for path in find(tmp_path / "root")] == ["a.png"]


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UserError, match=f"{tmp_path}: contains no images"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("share", "count", "tests"),
    [
        (0.1, 25, [9, 19]),
        (None, 25, [9, 19]),
        (0.0, 5, []),
        (0.5, 5, [1, 3]),
        (0.25, 8, [3, 7]),
        (0.75, 4, [1, 2, 3]),
        (0.1, 1, []),
    ],
)
def test_the_held_out_share_is_spread_evenly(share: float | None, count: int, tests: list[int]) -> None:
    files = [Path(str(index)) for index in range(count)]
    train, test = split_files(files, share)
    assert test == [files[index] for index in tests]
    assert train == [path for path in files if path not in test]


def test_a_line_says_how_many_files_are_used_and_why_others_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    empty(*(tmp_path / f"a/{index}.png" for index in range(12)))
    find(tmp_path)
    assert caplog.messages == [f"{tmp_path}: 12 of 12 files are images"]
    caplog.clear()
    empty(*(tmp_path / f"phone/{index}.HEIC" for index in range(90)), tmp_path / "notes.txt", tmp_path / "README")
    (tmp_path / "gone.png").symlink_to("/nowhere.png")
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    os.mkfifo(tmp_path / "pipe.png")
    empty(tmp_path / "private/x.png")
    scandir = os.scandir

    def forbidding(path: str | int) -> object:
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(listing.os, "scandir", forbidding)
    assert len(find(tmp_path)) == 12
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == (
        f"{tmp_path}: 12 of 107 files are images; not used: 90 .heic (convert to .png or .jpg), "
        "3 broken links or devices, 1 .txt, 1 without an ending, "
        "1 folder that can't be read: private/ (Permission denied)"
    )
    told: list[tuple[int, str]] = []
    find(tmp_path, lambda *line: told.append(line))
    assert told == [(logging.WARNING, record.message)]
    assert len(caplog.records) == 1, "elsewhere"


def test_what_is_no_picture_is_no_reason_to_worry(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    empty(tmp_path / "a.png", *(tmp_path / f"a.{number}" for number in range(12)))
    caplog.set_level(logging.INFO)
    find(tmp_path)
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.message.endswith(" 1 .7, 2 others")


def test_a_folder_of_other_files_says_what_they_are(tmp_path: Path) -> None:
    empty(tmp_path / "a.heic", tmp_path / "b.heic")
    with pytest.raises(
        UserError, match=r"contains no images .*; 0 of 2 files are images; not used: 2 \.heic \(convert"
    ):
        find(tmp_path)


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["10", "2", "b1", "a10", "a9", "1", "01", "B2", "a9b2", "a9b10", "", "é3"]
    assert in_natural_order(names) == ["", "01", "1", "2", "10", "B2", "a9", "a9b2", "a9b10", "a10", "b1", "é3"]
    assert in_natural_order(reversed(names)) == in_natural_order(names)


def splits(root: Path, *folders: str, test_fraction: float | None = None) -> tuple[list[str], list[str] | None]:
    """The folders of the training and test images where each of these holds an image."""
    empty(*(root / folder / "a/0.png" for folder in folders))
    train, test, base = find_splits(root, find(root), test_fraction)
    depth = len(root.parts)
    assert base == depth + (
        set(folders) != {path.parts[depth] for path in train} or test is not None or len(folders) == 1
    )
    named = [None if files is None else [path.parts[depth] for path in files] for files in (train, test)]
    return named[0] or [], named[1]


@pytest.mark.parametrize(
    ("folders", "train", "test"),
    [
        (["train", "val", "test"], ["train"], ["test"]),
        (["Train", "VALID"], ["Train"], ["VALID"]),
        (["training", "validation"], ["training"], ["validation"]),
        (["train", "Testing", "valid"], ["train"], ["Testing"]),
        (["train2017", "val2017"], ["train2017"], ["val2017"]),
        (["test_images", "train_images", "train-set"], ["train-set", "train_images"], ["test_images"]),
        (["train", "test", "unlabelled"], ["train"], ["test"]),
        (["train"], ["train"], None),
        (["bus", "train"], ["bus", "train"], None),  # means of transport
        (["test", "val"], ["test", "val"], None),
        (["trainers", "testers"], ["testers", "trainers"], None),
        (["train1", "train2"], ["train1", "train2"], None),
    ],
)
def test_splits_are_known_by_their_names(
    folders: list[str], train: list[str], test: list[str] | None, tmp_path: Path
) -> None:
    assert splits(tmp_path, *folders) == (train, test)


def test_a_line_says_which_folder_is_which_split(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    empty(tmp_path / "loose.png", tmp_path / "train/a/1.png")
    splits(tmp_path, "train", "val", "test", "extra")
    assert caplog.messages[1] == (
        f"{tmp_path} has splits of its own: trained on train (2); for testing test (1); "
        "not used val (1), beside the folders (1), extra (1)"
    )


def test_a_share_for_testing_contradicts_a_test_split(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.test_fraction=0\.2: .* has test images of its own, in test; leave the"):
        splits(tmp_path, "train", "test", test_fraction=0.2)
    assert splits(tmp_path / "other", "train", test_fraction=0.2) == (["train"], None)


def test_files_are_grouped_by_folder() -> None:
    files = [Path("/r/a/1.png"), Path("/r/a/deep/2.png"), Path("/r/b/3.png"), Path("/r/4.png")]
    assert by_folder(files, 2) == {"a": files[:2], "b": files[2:3], "": files[3:]}


def test_files_of_one_key_are_in_one_split_that_the_key_decides() -> None:
    names = [f"{group}-{tone}" for group in range(1000) for tone in range(3)]
    files = [Path(f"{name}.png") for name in names]
    keys = [name.split("-")[0] for name in names]
    train, test = split_files(files, 0.1, keys)
    assert [path for path in files if path not in {*test}] == train
    assert len({path.stem.split("-")[0] for path in test}) * 3 == len(test)
    assert 210 < len(test) < 390
    some = split_files(files[::7], 0.1, keys[::7])[1]
    assert some == [path for path in files[::7] if path in {*test}], "whatever the other files are"
    assert split_files(files, 0.0, keys)[1] == []
