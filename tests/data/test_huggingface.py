"""Datasets through the `datasets` library, from folders on this machine."""

import builtins
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_lab.data.huggingface import HuggingFace
from gan_lab.utils.errors import UserError
from tests.data.archives import noise, options

datasets = pytest.importorskip("datasets", reason="the extra huggingface is not installed")
huggingface_hub = pytest.importorskip("huggingface_hub")  # which comes with it

NAMES = ["cat", "dog", "bird"]


def make(root: Path, path: str | Path, **others: Any) -> HuggingFace:
    shared: dict[str, Any] = {
        "image_size": 8,
        "channels": 3,
        "num_classes": 3,
        "cache": str(root / "cache"),
        "fit": "crop",
    }
    names = ("subset", "revision", "test_split", "test_fraction", "image_column", "label_column")
    shared |= dict.fromkeys(names) | {"train_split": "train", "path": str(path)}
    return HuggingFace(**options(root / "data", **shared) | others)


def split(seed: int, labels: list[Any], **columns: Any) -> Any:
    pictures = [Image.fromarray(noise(seed + index, 8, 8, 3)) for index in range(len(labels))]
    features = {"number": datasets.Value("int32"), "image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)}
    content = {"number": list(range(len(labels))), "image": pictures, "label": labels}
    return datasets.Dataset.from_dict(content | columns, features=datasets.Features(features))


def pixels(seed: int, count: int) -> np.ndarray:
    return np.stack([noise(seed + index, 8, 8, 3) for index in range(count)])


def on_disk(folder: Path) -> Path:
    both = datasets.DatasetDict({"train": split(0, [2, 0, 1, 1]), "test": split(10, [0, 2])})
    both.save_to_disk(str(folder))
    return folder


def as_parquet(folder: Path) -> Path:
    folder.mkdir()
    split(0, [2, 0, 1, 1]).to_parquet(str(folder / "train-00000.parquet"))
    split(10, [0, 2]).to_parquet(str(folder / "test-00000.parquet"))
    return folder


@pytest.mark.parametrize("saved", [on_disk, as_parquet])
def test_images_and_labels_are_those_of_the_dataset(saved: Callable[[Path], Path], tmp_path: Path) -> None:
    data = make(tmp_path, saved(tmp_path / "saved"))
    data.prepare_data()
    train, test = data.load("train"), data.load("test")
    assert np.array_equal(train.images.permute(0, 2, 3, 1).numpy(), pixels(0, 4))
    assert np.array_equal(test.images.permute(0, 2, 3, 1).numpy(), pixels(10, 2))
    assert (train.labels.tolist(), test.labels.tolist()) == ([2, 0, 1, 1], [0, 2])
    assert data.class_names == NAMES
    assert sorted(path.name.partition("-")[0] for path in (tmp_path / "data/huggingface").iterdir()) == ["saved"]


def test_a_folder_of_images_is_a_dataset_too(tmp_path: Path) -> None:
    for number in range(20):
        place = tmp_path / f"photos/train/{'ab'[number % 2]}/{number:02}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(number, 8, 8, 3)).save(place)
    data = make(tmp_path, tmp_path / "photos", num_classes=2)
    data.prepare_data()
    assert data.load("train").labels.bincount().tolist() == [9, 9]
    assert data.load("test").labels.tolist() == [0, 1], "every tenth of each class"
    assert data.class_names == ["a", "b"]


def test_once_written_the_library_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = on_disk(tmp_path / "saved")
    make(tmp_path, saved).prepare_data()
    original = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        assert name != "datasets"
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    data = make(tmp_path, saved)
    data.prepare_data()
    assert data.load("test").labels.tolist() == [0, 2]


def test_a_dataset_that_changes_is_written_again(tmp_path: Path) -> None:
    saved = as_parquet(tmp_path / "saved")
    make(tmp_path, saved).prepare_data()
    split(20, [1]).to_parquet(str(saved / "test-00000.parquet"))
    data = make(tmp_path, saved)
    data.prepare_data()
    assert data.load("test").labels.tolist() == [1]


def test_classes_may_be_texts_and_numbers(tmp_path: Path) -> None:
    features = {"image": datasets.Image(), "kind": datasets.Value("string"), "year": datasets.Value("int64")}
    pictures = [Image.fromarray(noise(index, 8, 8, 3)) for index in range(3)]
    content = {"image": pictures, "kind": ["oak", "ash", "oak"], "year": [2010, 2009, 2009]}
    datasets.Dataset.from_dict(content, features=datasets.Features(features)).save_to_disk(str(tmp_path / "saved"))
    data = make(tmp_path, tmp_path / "saved", label_column="kind", num_classes=2)
    data.prepare_data()
    assert (data.load("train").labels.tolist(), data.class_names) == ([1, 0, 1], ["ash", "oak"])
    data = make(tmp_path, tmp_path / "saved", label_column="year", num_classes=2)
    data.prepare_data()
    assert (data.load("train").labels.tolist(), data.class_names) == ([1, 0, 0], ["2009", "2010"])
    with pytest.raises(
        UserError, match=r"has no classes that are known; name the column of classes, data\.label_column"
    ):
        make(tmp_path, tmp_path / "saved", num_classes=2).prepare_data()


def test_images_that_are_missing_are_damaged(tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image()})
    content = {"image": [Image.fromarray(noise(0, 8, 8, 3)), None]}
    datasets.Dataset.from_dict(content, features=features).save_to_disk(str(tmp_path / "saved"))
    data = make(tmp_path, tmp_path / "saved", num_classes=1)
    data.prepare_data()
    data.setup("fit")
    assert data.describe()["train_damaged"] == 1
    assert len(data.splits["train"].labels) == 1


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (
            {"num_classes": 5},
            r"data\.num_classes=5: .*saved has 3 classes, cat, dog, bird; set data\.num_classes=3, or 1",
        ),
        ({"train_split": "training"}, r"data\.train_split=training: .*saved has train, test"),
        ({"test_split": "dev"}, r"data\.test_split=dev: .*saved has train, test"),
        ({"test_fraction": 0.2}, r"data\.test_fraction=0\.2: .* has a split for testing, test; leave the option out"),
        (
            {"image_column": "photo"},
            r"data\.image_column=photo: .* has no such column of images, but number, image, label",
        ),
        ({"label_column": "image"}, r"data\.label_column=image: no column of classes; .* has number, image, label"),
    ],
)
def test_what_the_dataset_lacks_is_named(others: dict[str, Any], message: str, tmp_path: Path) -> None:
    data = make(tmp_path, on_disk(tmp_path / "saved"), **others)
    with pytest.raises(UserError, match=message) as refused:
        data.prepare_data()
    assert "\n" not in str(refused.value)


def test_what_is_no_dataset_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"data\.path=.*empty: can't be loaded: "):
        make(tmp_path, tmp_path / "empty").prepare_data()
    with pytest.raises(UserError, match=r"nowhere: no such folder; a dataset on the hub is hub:owner/name"):
        make(tmp_path, "nowhere")


def test_without_network_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bool] = []

    def load(*_: Any, **__: Any) -> None:
        said.append(logging.getLogger("huggingface_hub.utils._http").isEnabledFor(logging.WARNING))
        raise ConnectionError("Couldn't reach the Hub\nRetrying")

    monkeypatch.setattr(datasets, "load_dataset", load)
    before = huggingface_hub.utils.logging.get_verbosity()
    with pytest.raises(UserError, match=r"^data\.path=owner/name: can't be loaded: Couldn't reach the Hub$"):
        make(tmp_path, "hub:owner/name", download=True).prepare_data()
    huggingface_hub.utils.logging.set_verbosity(before)
    assert said == [False]


def test_the_hub_is_asked_only_where_that_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load(name: str, subset: str | None, revision: str | None) -> Any:
        asked.append((name, subset, revision))
        return datasets.DatasetDict({"train": split(0, [2, 0, 1, 1]), "validation": split(10, [0, 2])})

    monkeypatch.setattr(datasets, "load_dataset", load)
    absolute = tmp_path / "hub:owner/name"  # as a run's configuration has it
    with pytest.raises(UserError, match=r"data\.download=false: owner/name has not been fetched into .*huggingface"):
        make(tmp_path, absolute).prepare_data()
    assert asked == []
    data = make(tmp_path, absolute, download=True, subset="small", revision="v1")
    data.prepare_data()
    assert asked == [("owner/name", "small", "v1")]
    assert data.load("test").labels.tolist() == [0, 2]
    make(tmp_path, "hub:owner/name", subset="small", revision="v1").prepare_data()
    assert len(asked) == 1
