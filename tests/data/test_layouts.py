import logging
from pathlib import Path

import pytest

from gan_lab.data.layouts import alone, class_of, domains
from gan_lab.data.sources import Folder
from gan_lab.utils.errors import UserError

LAYOUTS = {
    "CycleGAN's": ("trainA/1.png", "trainB/1.jpg", "testA/deep/2.png", "testB/3.png"),
    "in words": ("train_a/1.png", "Training-B/1.jpg", "test A/deep/2.png", "testB/3.png"),
    "pix2pix's": ("train/A/1.png", "train/B/1.jpg", "test/A/deep/2.png", "test/B/3.png"),
    "by domain": ("A/train/1.png", "B/train/1.jpg", "A/test/deep/2.png", "B/test/3.png"),
}


def filled(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def named(root: Path) -> list[dict[str, str]]:
    """The files of each domain by their places, both below the root."""
    found = domains([Folder(root)], logging.log, otherwise="choose")
    return [
        {str(place.relative_to(root)): str(path.relative_to(root)) for place, path in domain.files.items()}
        for domain in found
    ]


@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS)
def test_the_usual_layouts_are_two_domains_with_splits(names: tuple[str, ...], tmp_path: Path) -> None:
    a, b = named(filled(tmp_path, *names))
    assert set(a.values()) == {names[0], names[2]}
    assert set(b.values()) == {names[1], names[3]}
    assert sorted(place.split("/", 1)[1] for place in a) == ["1.png", "deep/2.png"]
    assert {place[:4].lower() for place in (*a, *b)} == {"trai", "test"}, "the splits that a folder has"


def test_two_folders_without_splits_are_two_domains(tmp_path: Path) -> None:
    assert named(filled(tmp_path, "A/1.png", "B/x/2.png")) == [{"1.png": "A/1.png"}, {"x/2.png": "B/x/2.png"}]


def test_folders_of_their_own_are_what_they_are(tmp_path: Path) -> None:
    root = filled(tmp_path, "trainA/1.png", "x.y.png")
    domain = alone(Folder(root), logging.log)
    assert domain.files == {path: path for path in (root / "trainA/1.png", root / "x.y.png")}
    assert domain.names([*domain.files]) == ["trainA/1", "x.y"]
    first, second = domains([Folder(root), Folder(filled(tmp_path / "b", "1.png"))], logging.log, otherwise="")
    assert first.label == str(root)
    assert [*second.files] == [tmp_path / "b/1.png"]


@pytest.mark.parametrize("names", [("trainA/1.png",), ("data/1.png", "extra/2.png"), ("a.png", "b.png")])
def test_another_folder_is_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.root=.* has no images in folders trainA and trainB, .*; choose"):
        domains([Folder(filled(tmp_path, *names))], logging.log, otherwise="choose")


def test_images_beside_the_domains_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = named(filled(tmp_path, "trainA/1.png", "trainB/1.png", "combined/1.png", "1.png"))
    assert [len(files) for files in found] == [1, 1]
    assert "2 of 4 images lie beside the folders of A and B" in caplog.text


def test_two_files_of_one_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train/A/1\.png and .*trainA/1\.png stand for the same image"):
        named(filled(tmp_path, "trainA/1.png", "train/A/1.png", "trainB/1.png"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("1", ""), ("cats/1", "cats"), ("cats/small/1", "cats"), ("train/1", ""), ("train/cats/1", "cats")],
)
def test_the_class_is_the_first_folder_that_is_no_split(name: str, expected: str) -> None:
    assert class_of(name) == expected
