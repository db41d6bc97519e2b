import pytest
import torch
from torch import nn

from gan_lab.metrics.extractors import Custom, extract, resized, with_channels, without_border
from gan_lab.utils import images
from tests.conftest import same, weights
from tests.utils.test_chunks import crowded


def plain(value: int, channels: int, size: int = 28) -> torch.Tensor:
    return torch.full((2, channels, size, size), value, dtype=torch.uint8)


def random_images(channels: int, size: int = 28, count: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("value", [0, 1, 128, 254, 255])
@pytest.mark.parametrize("given", [1, 3])
@pytest.mark.parametrize("wanted", [1, 3])
def test_plain_images_survive_a_change_of_channels_unchanged(value: int, given: int, wanted: int) -> None:
    changed = with_channels(plain(value, given), wanted)
    assert changed.dtype == torch.float32
    assert torch.equal(changed, torch.full((2, wanted, 28, 28), float(value)))


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("sizes", [(28, 32), (64, 28), (28, 299), (33, 7)])
@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_survive_a_resize_unchanged(value: int, sizes: tuple[int, int], antialias: bool) -> None:
    before, after = sizes
    changed = resized(plain(value, 1, before).float(), after, antialias)
    assert changed.shape == (2, 1, after, after)
    assert changed.min() >= 0
    assert changed.max() <= 255
    torch.testing.assert_close(changed, torch.full_like(changed, value), rtol=0, atol=1e-4)


def test_nothing_is_rounded() -> None:
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).reshape(1, 3, 1, 1)
    assert with_channels(red, 1).item() == pytest.approx(0.299 * 255, abs=1e-4)
    edge = torch.tensor([[0.0, 255.0]]).reshape(1, 1, 1, 2).expand(1, 1, 2, 2)
    assert resized(edge, 3, antialias=False)[0, 0, 0, 1].item() == 127.5


def test_grey_becomes_colour_and_comes_back() -> None:
    grey = random_images(1)
    assert torch.equal(with_channels(with_channels(grey, 3).byte(), 1), grey.float())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.zeros(2, 1, 4, 4), "must be uint8 in .*, not float32"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.int64), "must be uint8 in .*, not int64"),
        (torch.zeros(2, 2, 4, 4, dtype=torch.uint8), r"shape \(n, 1 or 3, height, width\), not \(2, 2, 4, 4\)"),
        (torch.zeros(1, 4, 4, dtype=torch.uint8), r"shape .*, not \(1, 4, 4\)"),
    ],
)
def test_other_images_are_refused(wrong: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_channels(wrong, 1)


@pytest.mark.parametrize("size", range(28, 37))
def test_the_border_that_fit_adds_is_cropped_again(size: int) -> None:
    digits = random_images(1)
    assert torch.equal(without_border(images.fit(digits, size), 28), digits)


def test_the_border_of_oblongs_is_cropped_again() -> None:
    digits = random_images(1)[..., :20]
    assert torch.equal(without_border(images.fit(digits, (32, 24)), (28, 20)), digits)
    assert without_border(digits, (20, 12)).shape[-2:] == (20, 12)
    assert without_border(digits, (28, 11)).shape[-2:] == (28, 20), "more than a border"
    assert without_border(digits, (29, 20)).shape[-2:] == (28, 20)


@pytest.mark.parametrize("size", [27, 37])
def test_other_sizes_have_no_border(size: int) -> None:
    assert without_border(random_images(1, size), 28).shape[-1] == size


def custom(module: nn.Module | None = None, **options: object) -> Custom:
    torch.manual_seed(0)
    module = module or nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    return Custom(**{"module": module, "size": 8, "channels": 3, "antialias": True} | options)


def test_a_module_may_want_oblongs() -> None:
    extractor = custom(size=(6, 9))
    assert extract(extractor, random_images(1, 8, count=3))[0].shape == (3, 4 * 4 * 7)
    assert extractor.identity["input_size"] == "6x9"
    assert custom().identity["input_size"] == 8


def test_any_module_can_be_an_extractor() -> None:
    extractor = custom()
    features, logits = extract(extractor, random_images(1, 8, count=1200))
    assert features.shape == (1200, extractor.num_features) == (1200, 4 * 6 * 6)
    assert logits.shape == (1200, 0)
    assert extractor.num_classes == 0
    assert extractor.identity["antialias"] is True


def test_a_module_gets_the_range_of_a_generators_images() -> None:
    extractor = custom(nn.Identity())
    for value, expected in ((0, -1.0), (255, 1.0)):
        assert torch.equal(extractor(plain(value, 1, 8)), torch.full((2, 3 * 8 * 8), expected))


def test_the_identity_tells_weights_and_sizes_apart() -> None:
    assert custom().identity == custom().identity
    assert custom().identity["sha256"] != custom(nn.Conv2d(3, 4, 3)).identity["sha256"]
    assert custom().identity != custom(antialias=False).identity


def test_looking_changes_nothing_and_depends_on_nothing_else() -> None:
    extractor = custom()
    extractor.train()
    before = weights(extractor)
    pictures = random_images(3, 8)
    together = extractor(pictures)
    assert not together.requires_grad
    torch.testing.assert_close(torch.cat([extractor(picture[None]) for picture in pictures]), together)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(extractor(pictures), together)
    assert same(before, weights(extractor))


def test_an_extractor_gets_fewer_images_at_a_time_where_memory_runs_out() -> None:
    extractor, images = custom(), random_images(1, count=20)
    whole = extract(extractor, images)
    asked = crowded(extractor.module, 5)
    for part, expected in zip(extract(extractor, images), whole, strict=True):
        torch.testing.assert_close(part, expected)
    assert asked == [20, 10, *[5] * 4]
