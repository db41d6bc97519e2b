from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_lab.config.schema import build, check
from gan_lab.data import decoded
from gan_lab.data.unpaired_folders import UnpairedFolders
from gan_lab.utils.errors import UserError
from tests.conftest import composed


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """Thirty images of values from 0 on, some deeper than others, and twelve from 100 on."""
    for name, first, count in (("horses", 0, 30), ("zebras", 100, 12)):
        for index in range(count):
            place = tmp_path / name / ("old" if index < 5 else "young")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((6, 5, 3), first + index, np.uint8)).save(place / f"{index:02}.png")
    return {"domain_a": str(tmp_path / "horses"), "domain_b": str(tmp_path / "zebras")}


def make(folders: dict[str, str], **options: Any) -> UnpairedFolders:
    defaults: dict[str, Any] = {
        "test_fraction": 0.1,
        "cache": str(Path(folders.get("domain_a", ".")).parent / "cache"),
        "image_size": 8,
        "channels": 3,
        "batch_size": 4,
        "seed": 0,
    }
    return UnpairedFolders(**defaults | folders | options)


def loaded(data: UnpairedFolders, stage: str = "fit") -> list[list[int]]:
    data.prepare_data()
    data.setup(stage)
    split = data.splits["train" if stage == "fit" else "test"]
    assert all(images.shape == (len(labels), data.channels, 8, 8) for images, labels in split)
    return [images[:, 0, 0, 0].tolist() for images, _ in split]


@pytest.mark.parametrize("channels", [1, 3])
def test_each_domain_is_a_folder_at_any_depth_of_which_every_tenth_is_for_testing(
    channels: int, folders: dict[str, str]
) -> None:
    data = make(folders, channels=channels)
    horses, zebras = loaded(data)
    assert horses == [value for value in range(30) if value not in (9, 19, 29)]
    assert zebras == [value for value in range(100, 112) if value != 109]
    assert loaded(data, "test") == [[9, 19, 29], [109]]
    assert data.describe() == {
        "name": "unpaired_folders",
        "source": {"a": folders["domain_a"], "b": folders["domain_b"]},
        "substitute": False,
        "train_images": {"a": 27, "b": 11},
        "test_images": {"a": 3, "b": 1},
        "train_damaged": {"a": 0, "b": 0},
        "test_damaged": {"a": 0, "b": 0},
    }


def test_damaged_files_are_counted_by_domain(folders: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    (Path(folders["domain_b"]) / "old/02.png").write_text("text")
    data = make(folders)
    assert 102 not in loaded(data)[1]
    assert data.describe()["train_damaged"] == {"a": 0, "b": 1}
    assert "old/02.png (not an image)" in caplog.text


def test_what_does_not_fit_into_memory_comes_from_the_cache(
    folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = loaded(make(folders))
    monkeypatch.setattr(decoded.memory, "available", lambda: 0)
    assert loaded(make(folders)) == expected
    assert len(list((Path(folders["domain_a"]).parent / "cache").iterdir())) == 2


def test_testing_can_be_done_without(folders: dict[str, str]) -> None:
    data = make(folders, test_fraction=0.0)
    assert [len(values) for values in loaded(data)] == [30, 12]
    with pytest.raises(UserError, match=r"data\.test_fraction=0\.0: no image of .*horses is left for the test split"):
        data.setup("test")


def test_a_folder_that_is_none_or_has_no_images_is_one_message(folders: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.domain_b=/nowhere: no such folder"):
        make(folders, domain_b="/nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: contains no images"):
        make(folders, domain_b=str(tmp_path / "empty")).prepare_data()


def test_the_command_line_names_the_folders(folders: dict[str, str]) -> None:
    named = [f"data.{name}={folder}" for name, folder in folders.items()]
    config = composed("data=unpaired_folders", *named, "data.image_size=8")
    check(config)
    assert isinstance(build(config.data), UnpairedFolders)
    for half in ((), named[:1], (*named, "data.root=x")):
        with pytest.raises(UserError, match=r"data: set data\.domain_a and data\.domain_b, or data\.root alone"):
            build(composed("data=unpaired_folders", *half).data)


def test_one_folder_may_hold_both_domains_with_their_splits(folders: dict[str, str], tmp_path: Path) -> None:
    (root := tmp_path / "both").mkdir()
    for name, folder in zip("AB", folders.values(), strict=True):
        (Path(folder) / "old").rename(root / f"test{name}")
        (Path(folder) / "young").rename(root / f"train{name}")
    data = make({}, root=str(root), cache=str(tmp_path / "cache"), test_fraction=None)
    assert loaded(data) == [list(range(5, 30)), list(range(105, 112))]
    assert loaded(data, "test") == [list(range(5)), list(range(100, 105))]
    assert data.describe()["source"] == {"a": str(root), "b": str(root)}


def test_what_the_names_share_stays_in_one_split_in_every_folder(folders: dict[str, str]) -> None:
    data = make(folders, split_by=r"\d$", test_fraction=0.5)
    train, test = loaded(data), loaded(data, "test")
    assert sorted(train[0] + test[0]) == list(range(30))
    groups = [{value % 10 for value in values} for values in (train[0], test[0])]
    assert all(groups)
    assert not groups[0] & groups[1]
    assert {value - 100 for value in test[1]} == {value for value in test[0] if value < 12}, "the same names"
    with pytest.raises(ValueError, match=r"data\.split_by=\(: no regular expression, missing \)"):
        make(folders, split_by="(")


def test_training_images_may_be_loaded_oblong_and_cropped_to_another_shape(folders: dict[str, str]) -> None:
    data = make(folders, image_size=[4, 8], load_size=[6, 8], fit="pad", background="black")
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    assert {tuple(pixels.shape[-2:]) for pixels, _ in data.splits["train"]} == {(6, 8)}
    assert {tuple(pixels.shape[-2:]) for pixels, _ in data.splits["test"]} == {(4, 8)}
    batch = data.train_dataloader().batch(0)
    assert batch.a.shape == batch.b.shape == (4, 3, 4, 8)
    padded = (batch.b[:, 0] == 0).all(1).all(0).tolist()
    assert padded == [True] + 5 * [False] + 2 * [True], "pictures of 5 columns in the middle of 8"
    assert data.preview(3).a.shape == (3, 3, 4, 8)


def test_training_images_are_loaded_larger_and_cropped(folders: dict[str, str], tmp_path: Path) -> None:
    for index, picture in enumerate(sorted(Path(folders["domain_a"]).rglob("*.png"))):
        Image.fromarray(np.arange(144, dtype=np.uint8).reshape(12, 12) + index).save(picture)
    data = make(folders, load_size=12, channels=1, mirror=True)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    assert [pixels.shape[-1] for pixels, _ in data.splits["train"]] == [12, 12]
    assert [pixels.shape[-1] for pixels, _ in data.splits["test"]] == [8, 8]
    batch = data.train_dataloader().batch(0).a
    assert batch.shape == (4, 1, 8, 8)
    assert set((batch[:, 0, 0, 1].int() - batch[:, 0, 0, 0].int()).tolist()) == {1, -1}, "some are mirrored"
    assert (batch[:, 0, 1, 0].int() - batch[:, 0, 0, 0].int()).unique().tolist() == [12], "as they are loaded"
