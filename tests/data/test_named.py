"""The base of published datasets: from files to batches, through the program that users start."""

import re
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from gan_lab.config.schema import build
from gan_lab.data.named import NamedImages
from gan_lab.data.published_files import PublishedFile
from gan_lab.runs.run import Run
from gan_lab.utils.errors import DamagedFileError, UserError
from tests.conftest import CONF, QUICK, Command, composed
from tests.data.archives import file, known, options
from tests.data.test_cifar import NAMES, archive, batches  # noqa: F401 - fixtures


class Toys(NamedImages):
    """Images that are numbers in a file."""

    key = "toys"
    title = "Toys"
    page = "https://server"
    colours = 1
    classes = 3
    published: ClassVar = PublishedFile("toys.bin", "https://server/toys.bin", "", 1 << 20)

    def files(self) -> list[PublishedFile]:
        return [self.published]

    def arrays(self, split: str) -> tuple[Tensor, Tensor]:
        content = self.path(self.published).read_bytes()
        if not content:
            raise DamagedFileError("toys.bin is empty")
        self.class_names = ["car", "doll", "ball"]
        labels = torch.tensor(list(content))
        return labels.byte()[:, None, None, None].expand(-1, 1, 2, 2).contiguous(), labels


def toys(root: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, num_classes: int = 3) -> Toys:
    path = file(root / "toys/toys.bin", content)
    monkeypatch.setattr(Toys, "published", known(Toys.published, path))
    return Toys(**options(root, image_size=2, channels=1, num_classes=num_classes))


def test_files_become_labelled_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = toys(tmp_path, monkeypatch, bytes([2, 0, 1, 1]))
    data.prepare_data()
    data.setup("fit")
    images, labels = data.splits["train"]
    assert images.flatten(1).tolist() == [[2] * 4, [0] * 4, [1] * 4, [1] * 4]
    assert labels.tolist() == [2, 0, 1, 1]
    assert data.describe()["classes"] == ["car", "doll", "ball"]


def test_classes_that_are_ignored_are_zeros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert toys(tmp_path, monkeypatch, bytes([2, 9]), num_classes=1).load("train").labels.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^toys\.bin is empty\. Replace or remove it\.$"),
        (bytes([3, 1]), "labels of Toys below .* go from 1 to 3"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=message):
        toys(tmp_path, monkeypatch, content).load("train")


def test_the_root_must_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = toys(tmp_path, monkeypatch, b"a")
    data.root = file(tmp_path / "file", b"")
    with pytest.raises(UserError, match=r"data\.root=.*file: is a file, not a folder"):
        data.prepare_data()


PUBLISHED = re.compile(r"data\.(afhq|celeba|cifar|emnist|flowers102|medmnist|stl10|svhn)\.|^  - stl10$", re.MULTILINE)
NAMED = [path.stem for path in sorted((CONF / "data").glob("*.yaml")) if PUBLISHED.search(path.read_text())]


def test_all_of_them_have_a_file() -> None:
    assert len(NAMED) == 10  # STL-10 has two


@pytest.mark.parametrize("name", NAMED)
def test_a_name_without_files_ends_in_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as refused:
        build(composed(f"data={name}", "data.download=false").data).prepare_data()
    said = str(refused.value)
    assert "\n" not in said
    assert said.startswith("data/")
    assert " lacks " in said
    assert ", and data.download=false. Put " in said
    assert list(tmp_path.iterdir()) == []


def test_a_model_trains_on_them(archive: Path, tmp_path: Path, command: Command) -> None:  # noqa: F811
    tiny = ("model.network.generator.hidden=[8]", "data.batch_size=2")
    assert command(*QUICK, "data=cifar10", f"data.root={tmp_path}/root", *tiny) is None
    record = Run.open("run").record()
    assert record["status"] == "finished"
    assert record["data"]["name"] == "cifar10"
    assert record["data"]["classes"] == NAMES
