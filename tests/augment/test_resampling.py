"""Filters against what defines them, and lookups against images that are known between their pixels."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gan_lab.augment import resampling
from gan_lab.augment.resampling import SYM2, SYM6, band_filters, filtered, folded, gathered, looked_up, resampled

DOUBLE = torch.float64


def looking(*rows: tuple[float, float, float], count: int = 1) -> Tensor:
    return torch.tensor([*rows, (0.0, 0.0, 1.0)], dtype=DOUBLE).expand(count, 3, 3)


def noise(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def reflected(images: Tensor, right: int, down: int) -> Tensor:
    """Images moved by whole pixels, by index alone."""
    height, width = images.shape[2:]
    rows = [folded(row - down, height) for row in range(height)]
    columns = [folded(column - right, width) for column in range(width)]
    return images[:, :, rows][..., columns]


@pytest.mark.parametrize(("taps", "moments"), [(SYM6, 6), (SYM2, 2)], ids=["sym6", "sym2"])
def test_wavelets_are_orthogonal_and_have_as_many_vanishing_moments_as_their_name_says(
    taps: tuple[float, ...], moments: int
) -> None:
    assert len(taps) == 2 * moments
    assert sum(taps) == pytest.approx(math.sqrt(2), abs=1e-11)
    for move in range(moments):
        products = sum(a * b for a, b in zip(taps[2 * move :], taps, strict=False))
        assert products == pytest.approx(float(move == 0), abs=1e-11)
    for power in range(moments):
        alternating = sum((-1) ** place * place**power * tap for place, tap in enumerate(taps))
        assert alternating == pytest.approx(0, abs=1e-9 * 12**power)


@pytest.mark.parametrize(
    ("place", "pixel"), [(0, 0), (3, 3), (-1, 1), (-3, 3), (4, 2), (6, 0), (7, 1), (-4, 2), (-6, 0), (-7, 1)]
)
def test_reflections_of_four_pixels_do_not_repeat_the_edge(place: int, pixel: int) -> None:
    assert folded(place, 4) == pixel


def test_a_row_of_one_pixel_is_that_pixel_everywhere() -> None:
    assert [folded(place, 1) for place in (-2, 0, 3)] == [0, 0, 0]


@pytest.mark.parametrize("size", [(28, 28), (32, 48), (5, 64), (9, 4)])
def test_moves_by_whole_pixels_are_exact_up_to_an_eighth(size: tuple[int, int]) -> None:
    images = noise(2, 3, *size)
    down, right = (side // 8 for side in size)
    for x, y in ((0, 0), (right, -down), (-right, down)):
        found = resampled(images, looking((1, 0, -x), (0, 1, -y), count=2))
        torch.testing.assert_close(found, reflected(images, x, y), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("x", "y"), [(9, 0), (0, -17), (-40, 25)])
def test_far_moves_show_reflections(x: int, y: int) -> None:
    """Not to the bit: there the filter comes from the other side. A smooth image hardly shows it."""
    places = torch.arange(32, dtype=DOUBLE)
    image = torch.cos(places * math.pi / 31)[None, None, None] + torch.cos(places * math.pi / 31)[:, None]
    found = resampled(image, looking((1, 0, -x), (0, 1, -y)))
    torch.testing.assert_close(found, reflected(image, x, y), rtol=0, atol=0.02)


@pytest.mark.parametrize(
    "rows",
    [
        ((1, 0, 0.3), (0, 1, -1.7)),  # a fraction of a pixel
        ((0.8, 0, 0), (0, 1.25, 0)),  # a stretch
        ((0.6, -0.8, 0), (0.8, 0.6, 0)),  # a turn
        ((-1, 0, 0), (0, 1, 0)),  # a mirror image
        ((0, -1, 0), (1, 0, 0)),  # a quarter of a turn
    ],
)
def test_between_the_pixels_is_what_the_image_was_made_of(rows: tuple[tuple[float, float, float], ...]) -> None:
    def wave(x: Tensor, y: Tensor) -> Tensor:
        return torch.sin(0.21 * x + 0.13 * y + 1)[None, None]

    y, x = torch.meshgrid(torch.arange(41.0, dtype=DOUBLE) - 20, torch.arange(33.0, dtype=DOUBLE) - 16, indexing="ij")
    (a, b, c), (d, e, f) = rows
    expected = wave(a * x + b * y + c, d * x + e * y + f)
    found = resampled(wave(x, y), looking(*rows))
    inner = (..., slice(14, -14), slice(10, -10))  # whose neighbours lie in the image, too
    # The filter is not symmetric, which moves a mirror image or a turn by a tenth of a pixel: 0.025 of this wave.
    torch.testing.assert_close(found[inner], expected[inner], rtol=0, atol=0.03)


def test_each_image_is_looked_up_at_its_own_places() -> None:
    images = noise(2, 1, 16, 16)
    places = torch.cat((looking((1, 0, -2), (0, 1, 0)), looking((1, 0, 0), (0, 1, 1))))
    found = resampled(images, places)
    torch.testing.assert_close(found[:1], reflected(images[:1], 2, 0), rtol=0, atol=1e-10)
    torch.testing.assert_close(found[1:], reflected(images[1:], 0, -1), rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", [(2, 2), (9, 16)])
def test_both_ways_to_look_up_find_the_same(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    values = noise(3, 2, *size).requires_grad_()
    x, y = 2.4 * torch.rand(2, 3, 11, 7, generator=generator, dtype=DOUBLE) - 1.2
    x[:, 0], y[:, :, 0] = 1, -1  # and on the edges
    x, y = x.clamp(-1, 1), y.clamp(-1, 1)
    ours = looked_up(values, x, y)
    theirs = F.grid_sample(values, torch.stack((x, y), -1), align_corners=True, padding_mode="border")
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    weights = noise(3, 2, 11, 7)
    gradients = [torch.autograd.grad((found * weights).sum(), values)[0] for found in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)
    assert torch.equal(looked_up(values, x[:1], y[:1])[0], ours[0]), "one table for all images"


class Scattered(TorchDispatchMode):
    """The dimensions of what torch adds to at given places: with more than one it waits for CUDA to do so in order."""

    def __init__(self) -> None:
        super().__init__()
        self.dimensions: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "scatter_add" in func.name():
            self.dimensions.append(args[0].dim())
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_gradient_that_is_summed_in_order_is_the_same_in_a_single_row(
    dim: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = noise(2, 3, 4, 5).requires_grad_()
    shape = [2, 3, 4, 5]
    shape[dim] = 7
    index = torch.randint(values.shape[dim], shape, generator=torch.Generator().manual_seed(0))
    plain = gathered(values, dim, index)
    monkeypatch.setattr(resampling, "in_fixed_order", lambda values: True)
    with Scattered() as scattered:
        ordered = gathered(values, dim, index)
        (gradient,) = torch.autograd.grad(ordered.square().sum(), values)
    assert torch.equal(ordered, plain)
    torch.testing.assert_close(gradient, *torch.autograd.grad(plain.square().sum(), values), rtol=0, atol=1e-12)
    assert scattered.dimensions == [1]


def test_matrices_that_were_first_made_in_inference_mode_can_be_learned_through() -> None:
    resampling.upsampling.cache_clear()
    resampling.downsampling.cache_clear()
    images = noise(1, 1, 7, 7).requires_grad_()
    with torch.inference_mode():
        resampled(images.detach(), looking((1, 0, 0), (0, 1, 0)))
    resampled(images, looking((1, 0, 0), (0, 1, 0))).sum().backward()
    torch.testing.assert_close(images.grad, torch.ones_like(images), rtol=0, atol=1e-10)


def test_bands_add_up_to_everything_and_lie_an_octave_apart() -> None:
    bands = band_filters()
    assert bands.shape == (4, 43)
    unit = torch.zeros(43, dtype=DOUBLE)
    unit[21] = 1
    torch.testing.assert_close(bands.sum(0), unit, rtol=0, atol=1e-15)
    # A constant is in the lowest band alone, the fastest change of sign in the highest.
    torch.testing.assert_close(bands.sum(1), torch.tensor([1.0, 0, 0, 0], dtype=DOUBLE), rtol=0, atol=1e-14)
    signs = 1 - 2 * ((torch.arange(43) - 21) % 2).to(DOUBLE)
    torch.testing.assert_close(bands @ signs, torch.tensor([0.0, 0, 0, 1], dtype=DOUBLE), rtol=0, atol=1e-14)
    # By hand: H(z) H(1/z) / 2 of sym2 is 1/2, and on both sides 9/32, 0, -1/32; the highest band has other signs.
    expected = torch.tensor([1 / 32, 0, -9 / 32, 1 / 2, -9 / 32, 0, 1 / 32], dtype=DOUBLE)
    torch.testing.assert_close(bands[3, 18:25], expected, rtol=0, atol=1e-15)
    for band, angle in enumerate((math.pi / 16, 3 * math.pi / 16, 3 * math.pi / 8, 3 * math.pi / 4)):
        response = bands @ torch.cos(angle * (torch.arange(43, dtype=DOUBLE) - 21))
        assert response.argmax() == band


@pytest.mark.parametrize("size", [(8, 8), (28, 40)])
def test_gains_of_one_change_nothing_and_the_lowest_alone_keeps_the_mean_colour(size: tuple[int, int]) -> None:
    images = noise(2, 3, *size)
    torch.testing.assert_close(filtered(images, torch.ones(2, 4, dtype=DOUBLE)), images, rtol=0, atol=1e-13)
    grey = torch.full_like(images, 0.3)
    gains = torch.tensor([[1.0, 0, 0, 0], [2.0, 5, 5, 5]], dtype=DOUBLE)
    expected = torch.tensor([0.3, 4 * 0.3], dtype=DOUBLE)[:, None, None, None].expand_as(images)
    torch.testing.assert_close(filtered(grey, gains), expected, rtol=0, atol=1e-13)


def test_bands_are_numbers_also_where_a_model_is_built_without_memory() -> None:
    with torch.device("meta"):
        assert resampling.band_filters().device.type == "cpu"
