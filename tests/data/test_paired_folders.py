from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.config.schema import build, check
from gan_lab.data import decoded
from gan_lab.data.paired_folders import PairedFolders
from gan_lab.utils.errors import UserError
from tests.conftest import composed


def picture(path: Path, value: int, size: tuple[int, int] = (6, 6)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """Thirty pairs of a value and that value plus 100, of several formats, whose files sort differently."""
    for index in range(30):
        picture(tmp_path / f"maps/{'x' if index % 2 else 'y'}/{index:02}.png", index)
        picture(
            tmp_path / f"photos/{'x' if index % 2 else 'y'}/{index:02}.{'BMP' if index % 3 else 'tif'}", 100 + index
        )
    return {"source": str(tmp_path / "maps"), "target": str(tmp_path / "photos")}


def make(**options: Any) -> PairedFolders:
    defaults: dict[str, Any] = {
        "test_fraction": None,
        "cache": "cache",
        "image_size": 6,
        "source_channels": 1,
        "channels": 3,
        "batch_size": 4,
        "seed": 0,
    }
    return PairedFolders(**defaults | options)


def loaded(data: PairedFolders, stage: str = "fit") -> list[int]:
    """The values of the sources, all of them paired rightly."""
    data.prepare_data()
    data.setup(stage)
    (source, labels), (target, same) = data.splits["train" if stage == "fit" else "test"]
    assert labels.tolist() == same.tolist()
    assert source.shape[1:] == (data.source_channels, 6, 6)
    assert target.shape[1:] == (data.channels, 6, 6)
    assert (source[:, :1] + 100 == target).all(), "no pair is mixed up"
    return source[:, 0, 0, 0].tolist()


def test_files_of_the_same_path_are_pairs_whatever_their_extension(folders: dict[str, str]) -> None:
    data = make(**folders)
    train, test = loaded(data), loaded(data, "test")
    assert sorted(train + test) == list(range(30))
    by_path = [*range(1, 30, 2), *range(0, 30, 2)]
    assert test == by_path[9::10], "every tenth of the sources in their order"
    assert data.describe() == {
        "name": "paired_folders",
        "source": folders,
        "substitute": False,
        "train_images": 27,
        "test_images": 3,
        "train_damaged": 0,
        "test_damaged": 0,
    }


def test_a_file_without_a_partner_is_left_out_and_named(
    folders: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    for index in (1, 3, 5, 7):
        (Path(folders["target"]) / f"x/{index:02}.{'tif' if index == 3 else 'BMP'}").unlink()
    (Path(folders["source"]) / "y/08.png").rename(Path(folders["source"]) / "x/08.png")
    data = make(**folders, test_fraction=0.0)
    assert sorted(loaded(data)) == [index for index in range(30) if index not in (1, 3, 5, 7, 8)]
    lines = [record.message for record in caplog.records if "have no partner" in record.message]
    assert lines == [
        f"5 of 30 images of {folders['source']} have no partner in {folders['target']}: x/01, x/03, x/05 and 2 more; "
        "left out",
        f"1 of 26 images of {folders['target']} have no partner in {folders['source']}: y/08; left out",
    ]


def test_a_pair_with_a_damaged_half_is_left_out_whole(
    folders: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    (Path(folders["source"]) / "x/01.png").write_text("text")
    (Path(folders["target"]) / "y/02.BMP").write_text("text")
    data = make(**folders, test_fraction=0.0)
    assert sorted(loaded(data)) == [0, *range(3, 30)]
    assert "2 of 30 pairs have an image that can't be read: x/01, y/02; left out" in caplog.text
    assert "02.BMP (not an image)" in caplog.text
    assert data.describe()["train_damaged"] == 2


def test_images_of_other_shapes_are_no_pair_and_other_sizes_are_told(
    folders: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    picture(Path(folders["source"]) / "x/01.png", 1, (12, 6))
    picture(Path(folders["target"]) / "y/02.BMP", 102, (12, 12))
    data = make(**folders, test_fraction=0.0)
    assert sorted(loaded(data)) == [0, *range(2, 30)]
    assert "1 of 30 pairs have images of different shapes: x/01 (12x6 and 6x6); left out" in caplog.text
    assert "1 of 30 pairs have images of different sizes: y/02 (6x6 and 12x12); all are resized to 6x6" in caplog.text
    assert data.describe()["train_damaged"] == 1


def test_both_sides_get_one_shape_in_one_way(folders: dict[str, str]) -> None:
    data = make(**folders, image_size=[4, 8], fit="pad", background="black")
    data.prepare_data()
    data.setup("fit")
    for pixels, _ in data.splits["train"]:
        assert pixels.shape[-2:] == (4, 8)
        assert not torch.cat((pixels[..., :2], pixels[..., 6:]), 3).any(), "squares, with the background beside them"


def test_what_does_not_fit_into_memory_comes_from_the_cache(
    folders: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (Path(folders["source"]) / "x/01.png").write_text("text")
    expected = loaded(make(**folders))
    monkeypatch.setattr(decoded.memory, "available", lambda: 0)
    for _ in range(2):
        caplog.clear()
        assert loaded(make(**folders, cache=str(tmp_path / "cache"))) == expected
        assert "1 of 27 pairs have an image that can't be read" in caplog.text


@pytest.mark.parametrize(("order", "first", "second"), [("AtoB", 0, 100), ("BtoA", 100, 0)])
def test_images_may_lie_side_by_side(order: str, first: int, second: int, tmp_path: Path) -> None:
    for split, start in (("train", 0), ("val", 20), ("test", 30)):
        for index in range(start, start + 10):
            pixels = np.full((6, 12, 3), first + index, np.uint8)
            pixels[:, 6:] = second + index
            (tmp_path / split).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / f"{split}/{index}.png")
    data = make(root=str(tmp_path), side_by_side=order)
    assert sorted(loaded(data)) == list(range(10))
    assert sorted(loaded(data, "test")) == list(range(30, 40))


def test_a_picture_without_halves_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for index in range(8):
        picture(tmp_path / f"{index}.png", 0, (12, 6))
    picture(tmp_path / "odd.png", 0, (13, 6))
    data = make(root=str(tmp_path), side_by_side="AtoB", test_fraction=0.0)
    data.setup("fit")
    assert len(data.splits["train"][0].images) == 8
    assert caplog.text.count("odd.png (a width of 13 pixels, which is odd, has no two halves)") == 1


@pytest.mark.parametrize("layout", ["{split}{side}", "{split}/{side}", "{side}/{split}"])
def test_the_usual_layouts_are_pairs_with_their_splits(layout: str, tmp_path: Path) -> None:
    for index in range(12):
        for side, value in (("A", index), ("B", 100 + index)):
            split = "train" if index < 8 else "test"
            picture(tmp_path / layout.format(split=split, side=side) / f"{index}.png", value)
    data = make(root=str(tmp_path))
    assert loaded(data) == list(range(8))
    assert sorted(loaded(data, "test")) == [8, 9, 10, 11]
    for option in ({"test_fraction": 0.2}, {"split_by": "."}):
        with pytest.raises(UserError, match=r"data\.\w+=.*: .* has test images of its own"):
            make(root=str(tmp_path), **option).prepare_data()


def test_near_duplicates_stay_together(folders: dict[str, str]) -> None:
    data = make(**folders, split_by=r"./\d", test_fraction=0.4)
    train, test = loaded(data), loaded(data, "test")
    groups = [{(value % 2, value // 10) for value in values} for values in (train, test)]
    assert all(groups)
    assert not groups[0] & groups[1]
    assert sorted(train + test) == list(range(30))


def test_what_is_unclear_is_refused(folders: dict[str, str], tmp_path: Path) -> None:
    picture(Path(folders["target"]) / "x/01.png", 0)
    with pytest.raises(UserError, match=r"x/01\.(png|BMP) and 01\.(png|BMP): two files of one name"):
        make(**folders).prepare_data()
    picture(tmp_path / "others/z.png", 0)
    with pytest.raises(
        UserError,
        match="no image of .*maps has a partner of the same name in .*others: one is called x/01, the other z",
    ):
        make(**folders | {"target": str(tmp_path / "others")}).prepare_data()
    with pytest.raises(UserError, match=r"data\.root=.* has no images in folders trainA and trainB.*side_by_side=AtoB"):
        make(root=folders["source"]).prepare_data()
    with pytest.raises(ValueError, match=r"data\.side_by_side=AtoB needs data\.root"):
        make(**folders, side_by_side="AtoB")
    with pytest.raises(ValueError, match=r"set data\.source and data\.target, or data\.root alone"):
        make(source=folders["source"])


def test_no_pair_that_is_left_is_one_message(folders: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.test_fraction=0\.0: no image of .*maps is left for the test split"):
        make(**folders, test_fraction=0.0).setup("test")
    picture(tmp_path / "a/1.png", 0, (6, 6))
    picture(tmp_path / "b/1.png", 0, (6, 12))
    data = make(source=str(tmp_path / "a"), target=str(tmp_path / "b"), test_fraction=0.0)
    with pytest.raises(
        UserError, match=r"no pair of .*a and .*b is left for the train split; left out: 1 \(6x6 and 6x12\)"
    ):
        data.setup("fit")


def test_the_command_line_names_the_folders(folders: dict[str, str]) -> None:
    named = [f"data.{name}={folder}" for name, folder in folders.items()]
    config = composed("data=paired_folders", *named, "data.image_size=8")
    check(config)
    assert isinstance(build(config.data), PairedFolders)


def test_labels_are_the_folders_inside(folders: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "photos/y/00.tif").write_bytes(b"damaged")
    data = make(**folders)
    for stage in ("fit", "test"):
        data.setup(stage)
    for (source, labels), _ in data.splits.values():
        assert labels.tolist() == [int(value % 2 == 0) for value in source[:, 0, 0, 0].tolist()], "x, then y"
    assert sum(data.left_out.values()) == 1
