"""A look at a folder: every count by hand."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_lab.data import places, survey
from gan_lab.data.label_table import LabelTable
from gan_lab.data.look import THUMBNAIL
from gan_lab.data.sorted_folder import SortedFolder
from gan_lab.data.survey import COLUMNS, Survey, spread
from gan_lab.utils.errors import UserError
from tests.data.archives import noise


def quiet(level: int, text: str) -> None:
    """Say nothing."""


def save(path: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)


def take(root: Path, **options: Any) -> Survey:
    return survey.take(SortedFolder(places.at(str(root), "FOLDER"), quiet, **options))


def lines(found: Survey) -> dict[str, str]:
    return {line[:9].strip(): line[9:] for line in found.report().splitlines()}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Classes 2 and 10 of three and four images, of which one is a copy, one damaged."""
    root = tmp_path / "photos"
    for number in range(3):
        save(root / f"2/{number}.png", noise(number, 40, 48, 3))
    for number in range(3):
        save(root / f"10/{number}.png", noise(10 + number, 70, 70, 3))
    save(root / "10/3.bmp", noise(11, 70, 70, 3))
    (root / "10/4.png").write_bytes(b"no picture")
    return root


def test_counts_sizes_modes_and_copies_are_those_of_the_folder(photos: Path) -> None:
    found = take(photos)
    assert found.classes == {"2": 3, "10": 5}
    assert list(found.damaged) == [photos / "10/4.png"]
    assert found.copies == [[photos / "10/1.png", photos / "10/3.bmp"]]
    assert found.leaks == []
    assert lines(found) == {
        "images": f"8 in {photos}, 1 can't be read",
        "splits": "train (8), test (0); every tenth of a class kept for testing",
        "classes": "2: 2 (3), 10 (5)",
        "sizes": "48 to 70 wide, 40 to 70 high, in the middle 70x70; 2 different, most often 70x70 (4), 48x40 (3)",
        "modes": "RGB (7)",
        "copies": "1 of the images, in 1 group: 1 within one, 10/1.png = 10/3.bmp",
        "suits": "data.image_size=32 data.channels=3 data.num_classes=2",
    }
    assert found.problems() == [f"1 of 8 images can't be read: {photos}/10/4.png (not an image)"]


def test_copies_across_splits_are_a_problem(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / f"train/{number}.png", noise(number, 16, 16, 3))
    save(tmp_path / "test/a.png", noise(7, 16, 16, 3))
    save(tmp_path / "test/b.png", noise(2, 16, 16, 3))
    found = take(tmp_path)
    assert found.sorting.has_own_test
    assert found.leaks == [[tmp_path / "train/2.png", tmp_path / "test/b.png"]]
    assert lines(found)["copies"] == "1 of the images, in 1 group: 1 across the splits, train/2.png = test/b.png"
    assert found.problems() == [
        "1 image for testing is a copy of images to train on: train/2.png = test/b.png; move them to one side"
    ]


def test_images_that_would_be_kept_for_testing_count_as_such(tmp_path: Path) -> None:
    """Every tenth image is, where the folder has no split."""
    for number in range(10):
        save(tmp_path / f"{number}.png", noise(number % 9, 16, 16, 3))
    found = take(tmp_path)
    assert found.leaks == [[tmp_path / "0.png", tmp_path / "9.png"]]
    assert lines(found)["splits"] == "train (9), test (1); every tenth of a class kept for testing"
    assert lines(found)["classes"] == "none: no class folders"


def test_groups_are_counted_and_take_copies_to_one_side(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / f"{number}.png", noise(number % 9, 16, 16, 3))
    found = take(tmp_path, groups="copies")
    assert lines(found)["splits"] == "train (9), test (1); whole groups, about a tenth of a class, kept for testing"
    assert lines(found)["groups"] == "9 of 1 to 2 images, 1 of them for testing; none on both sides"
    assert found.problems() == []
    (problem,) = take(tmp_path).problems()
    assert problem == (
        "1 image for testing is a copy of images to train on: 0.png = 9.png; data.groups=copies keeps copies on one "
        "side"
    )


def test_folders_that_are_groups_are_no_classes_to_learn(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / f"p{number % 3}/{number}.png", noise(number, 16, 16, 3))
    assert take(tmp_path).num_classes == " data.num_classes=3"
    assert take(tmp_path, groups="folder").num_classes == ""


def test_another_rule_of_groups_parts_copies(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / f"{number}.png", noise(0, 16, 16, 3))
    (problem,) = take(tmp_path, groups="^.").problems()
    assert problem.endswith("; data.groups has another rule: leave one of each out")


def test_a_tables_classes_are_those_of_the_report(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / f"photos/{number}.png", noise(number, 16, 16, 3))
    rows = ["file,smiling,glasses", *(f"{number}.png,{'yes' if number else 'no'},no" for number in range(4))]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    table = LabelTable(str(tmp_path / "labels.csv"), tmp_path / "photos")
    found = take(tmp_path / "photos", table=table, attributes=["smiling", "glasses"])
    assert lines(found)["classes"] == "2: smiling=no,glasses=no (1), smiling=yes,glasses=no (3)"
    assert lines(found)["suits"] == "data.image_size=16 data.channels=3 data.num_classes=[2,1]"


@pytest.mark.parametrize(
    ("sides", "suits"), [([9], 16), ([64], 64), ([63], 32), ([300] * 19 + [70], 256), ([300] * 18 + [70] * 2, 64)]
)
def test_what_suits_is_what_nearly_all_images_reach(sides: list[int], suits: int, tmp_path: Path) -> None:
    for number, side in enumerate(sides):
        save(tmp_path / f"{number}.png", np.full((side, side, 3), number, np.uint8))
    assert take(tmp_path).suits == suits


def test_grey_and_wide_images_suit_one_channel(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(0, 16, 16))
    Image.fromarray(np.arange(256, dtype=np.uint16).reshape(16, 16) * 200).save(tmp_path / "b.png")
    found = take(tmp_path)
    assert (found.channels, lines(found)["modes"]) == (1, "L (1), I;16 (1)")
    assert found.sheet().float().std() > 1, "the values of 16 bits are stretched"
    save(tmp_path / "c.png", noise(0, 16, 16, 3))
    assert take(tmp_path).channels == 3


def test_transparency_and_long_shapes_are_told(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(0, 32, 64, 4))
    found = take(tmp_path)
    assert lines(found)["modes"] == "RGBA (1); 1 with transparency, which data.background colours"
    assert lines(found)["suits"] == (
        "data.image_size=32 data.channels=3; squares keep 50% of an image in the middle: or data.fit=pad, or "
        "[height,width]"
    )


def test_the_sheet_has_a_row_for_each_class(photos: Path) -> None:
    sheet = take(photos).sheet()
    side = THUMBNAIL + 2
    assert sheet.shape == (3, 2 * side + 2, COLUMNS * side + 2)
    row = sheet[:, 2 : 2 + THUMBNAIL]
    assert [row[:, :, 2 + side * place : side * (place + 1)].float().std() > 30 for place in range(COLUMNS)] == [
        True, True, True, *[False] * (COLUMNS - 3)
    ]  # fmt: skip


def test_the_sheet_of_a_single_class_is_full(tmp_path: Path) -> None:
    for number in range(COLUMNS + 1):
        save(tmp_path / f"{number:02}.png", np.full((8, 8, 3), number, np.uint8))
    assert take(tmp_path).sheet().shape[1] == 2 * (THUMBNAIL + 2) + 2


def test_examples_are_spread_over_the_folder() -> None:
    paths = [Path(str(number)) for number in range(100)]
    assert [int(path.name) for path in spread(paths, 4)] == [0, 25, 50, 75]
    assert spread(paths[:2], 4) == paths[:2]


def test_only_damaged_images_make_a_report_as_well(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    found = take(tmp_path)
    assert found.suits is None
    assert list(lines(found)) == ["images", "splits", "classes"]
    assert len(found.problems()) == 1


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="contains no images"):
        take(tmp_path)


def test_lines_that_warn_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        survey.to_log(logging.INFO, "fine")
        survey.to_log(logging.WARNING, "not used: a.heic")
    assert caplog.messages == ["not used: a.heic"]


def test_what_most_arrays_have_suits(tmp_path: Path) -> None:
    for number, channels in enumerate([2, 5, 5]):
        np.save(tmp_path / f"{number}.npy", noise(number, 16, 16, channels))
    assert take(tmp_path).channels == 5


@pytest.mark.parametrize(("dtype", "depth"), [(np.uint8, 8), (np.uint16, 16), (np.int32, 16), (np.float32, "float")])
def test_the_depth_that_suits_keeps_the_values(dtype: type[np.generic], depth: object, tmp_path: Path) -> None:
    save(tmp_path / "pictures/a.tif", np.full((16, 16), 7, dtype))
    found = take(tmp_path / "pictures")
    assert found.depth == depth
    deep = "" if depth == 8 else f" data.depth={depth}"
    assert found.options == f"data.image_size=16 data.channels=1{deep}"
    np.save(tmp_path / "pictures.npy", np.full((3, 16, 16), 7, dtype))
    assert take(tmp_path / "pictures.npy").depth == depth


def test_archives_and_arrays_are_looked_at_as_well(photos: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "photos"), "zip", photos)
    found = take(tmp_path / "photos.zip")
    assert (found.classes, len(found.damaged), len(found.copies)) == ({"2": 3, "10": 5}, 1, 1)
    np.save(tmp_path / "scans.npy", noise(0, 12, 33, 40, 5).astype(np.float32))
    found = take(tmp_path / "scans.npy")
    assert lines(found)["modes"] == "float32 of 5 channels (12)"
    assert (found.channels, found.suits, found.depth) == (5, 32, "float")
    assert lines(found)["suits"].startswith("data.image_size=32 data.channels=5 data.depth=float")
    assert found.sheet().float().std() > 30
