"""Published image files: decoded, damaged ones left out; tests of single datasets have the rest."""

from pathlib import Path

import pytest

from gan_lab.utils.errors import UserError
from tests.data.test_afhq import make, write


def test_damaged_images_are_left_out_with_their_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, monkeypatch)
    make(tmp_path).prepare_data()
    (tmp_path / "afhq/afhq/train/dog/0.jpg").write_bytes(b"no picture")
    data = make(tmp_path)
    data.setup("fit")
    assert data.splits["train"].labels.tolist() == [0, 0, 2, 2, 2]
    described = data.describe()
    assert (described["train_images"], described["train_damaged"]) == (5, 1)


def test_images_are_resized_and_cropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, monkeypatch)
    data = make(tmp_path, image_size=8)
    data.prepare_data()
    data.setup("test")
    assert data.splits["test"].images.shape == (3, 3, 8, 8)


def test_fewer_images_are_the_same_for_all_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, monkeypatch)
    found = []
    for seed in (0, 1):
        data = make(tmp_path, train_count=2, validation_count=3, seed=seed)
        data.setup("fit")
        assert {split: len(labels) for split, (_, labels) in data.splits.items()} == {"train": 2, "validation": 3}
        found.append(data.listing["train"].files)
    assert found[0] == found[1]


def test_an_archive_that_is_not_there_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"afhq lacks afhq\.zip of AFHQ, and data\.download=false\. Put it there, from"):
        make(tmp_path).prepare_data()
