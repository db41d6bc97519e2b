"""DiffAugment against numbers worked out by hand, with the random numbers given."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_lab.augment import Augment
from gan_lab.augment.diffaugment import DiffAugment
from gan_lab.utils import per_image

POLICY = ["colour", "translation", "cutout"]
DOUBLE = torch.float64
Given = Callable[..., None]


def augment(*policy: Any, fill: float = 0.0) -> DiffAugment:
    return DiffAugment(policy=list(policy), fill=fill)


def images(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype) - 1


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Have the draws be these numbers, the same for every image, and whole numbers those from a list."""

    def give(*uniform: float, whole: tuple[int, ...] = ()) -> None:
        left = list(whole)

        def rand(count: int, *shape: int, like: Tensor) -> Tensor:
            return torch.tensor(uniform, dtype=like.dtype).expand(count, -1).reshape(count, *shape)

        def randint(high: int, count: int, *shape: int, like: Tensor) -> Tensor:
            assert left[0] < high
            return torch.full((count, *shape), left.pop(0))

        monkeypatch.setattr(per_image, "rand", rand)
        monkeypatch.setattr(per_image, "randint", randint)

    return give


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        # One pixel of (0, 0.3, 0.6) and one of (0.4, 0.4, 0.4): of mean 0.35.
        ((0.5, 0.5, 0.5), [[0, 0.3, 0.6], [0.4, 0.4, 0.4]]),  # nothing changes
        ((0.9, 0.5, 0.5), [[0.4, 0.7, 1.0], [0.8, 0.8, 0.8]]),  # 0.4 more
        ((0.5, 0.0, 0.5), [[0.3, 0.3, 0.3], [0.4, 0.4, 0.4]]),  # no colour
        ((0.5, 1.0, 0.5), [[-0.3, 0.3, 0.9], [0.4, 0.4, 0.4]]),  # twice the colour
        ((0.5, 0.5, 0.0), [[0.175, 0.325, 0.475], [0.375, 0.375, 0.375]]),  # half as far from 0.35
        ((0.5, 0.5, 1.0), [[-0.175, 0.275, 0.725], [0.425, 0.425, 0.425]]),  # and half as far again
        ((0.9, 0.0, 1.0), [[0.675, 0.675, 0.675], [0.825, 0.825, 0.825]]),  # 0.7 and 0.8 of mean 0.75
    ],
)
def test_colours_are_those_worked_out_by_hand(
    numbers: tuple[float, float, float], expected: list[list[float]], given: Given
) -> None:
    given(*numbers)
    image = torch.tensor([[0, 0.3, 0.6], [0.4, 0.4, 0.4]], dtype=DOUBLE).T.reshape(1, 3, 1, 2).expand(2, 3, 1, 2)
    after = augment("colour")(image)
    torch.testing.assert_close(after[1, :, 0].T, torch.tensor(expected, dtype=DOUBLE), rtol=0, atol=1e-12)
    assert torch.equal(after[0], after[1])


def test_grey_images_have_no_saturation(given: Given) -> None:
    given(0.75, 0.0, 0.0)
    after = augment("colour")(torch.tensor([[[[0.0, 0.4]]]], dtype=DOUBLE))
    torch.testing.assert_close(after, torch.tensor([[[[0.35, 0.55]]]], dtype=DOUBLE), rtol=0, atol=1e-12)


@pytest.mark.parametrize("fill", [0.0, -1.0])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, -3), (-2, 4), (1, -4)])
def test_an_image_moves_by_whole_pixels_and_leaves_the_fill(down: int, right: int, fill: float, given: Given) -> None:
    given(whole=(down + 2, right + 4))
    before = images(2, 3, 16, 32)
    after = augment("translation", fill=fill)(before)
    expected = torch.full_like(before, fill)
    for row in range(16):
        for column in range(32):
            if 0 <= row - down < 16 and 0 <= column - right < 32:
                expected[:, :, row, column] = before[:, :, row - down, column - right]
    assert torch.equal(after, expected)


@pytest.mark.parametrize(("size", "largest"), [(28, 4), (32, 4), (64, 8), (35, 4), (36, 5)])
def test_moves_reach_an_eighth_of_the_side(size: int, largest: int, given: Given) -> None:
    """Of 28 pixels, 3.5, which the authors round to 4."""
    torch.manual_seed(0)
    column = torch.arange(size, dtype=DOUBLE).expand(2000, 1, 1, size)
    after = augment("translation", fill=-1.0)(column)[:, 0, 0, size // 2]
    assert sorted(set((size // 2 - after).tolist()) - {size // 2 + 1}) == list(range(-largest, largest + 1))


@pytest.mark.parametrize(
    ("height", "width", "drawn", "rows", "columns"),
    [
        (16, 8, (8, 4), range(4, 12), range(2, 6)),
        (16, 8, (0, 8), range(4), range(6, 8)),  # the ends of what may be drawn: half of the rectangle is outside
        (16, 8, (16, 0), range(12, 16), range(2)),
        (14, 14, (7, 0), range(4, 11), range(4)),  # 7 rows around row 7, and the right part of 7 columns around 0
        (14, 14, (13, 13), range(10, 14), range(10, 14)),
    ],
)
def test_a_hole_is_half_as_high_and_half_as_wide(
    height: int, width: int, drawn: tuple[int, int], rows: range, columns: range, given: Given
) -> None:
    given(whole=drawn)
    after = augment("cutout", fill=-1.0)(torch.ones(2, 3, height, width))
    expected = torch.ones(2, 3, height, width)
    expected[:, :, rows.start : rows.stop, columns.start : columns.stop] = -1
    assert torch.equal(after, expected)


def test_numbers_are_spread_over_their_whole_range() -> None:
    torch.manual_seed(0)
    added = augment("colour")(torch.zeros(4000, 1, 1, 1)).flatten()
    assert added.min() == pytest.approx(-0.5, abs=0.01)
    assert added.max() == pytest.approx(0.5, abs=0.01)
    assert added.mean().item() == pytest.approx(0, abs=0.02)
    holes = augment("cutout")(torch.ones(4000, 1, 9, 8))[:, 0]
    assert (holes == 0).any(2).sum(1).min() == 3, "5 rows around the first or the last one"
    assert set((holes == 0).any(1).sum(1).tolist()) == {2, 3, 4}, "4 columns around one of 9 places between columns"


def test_changes_come_in_the_order_of_the_policy(given: Given) -> None:
    given(1.0, 0.5, 0.5, whole=(2, 2, 2, 2))  # half brighter, and a hole
    assert augment("colour", "cutout")(torch.zeros(1, 1, 4, 4)).unique().tolist() == [0.0, 0.5]
    assert augment("cutout", "colour", fill=-1.0)(torch.zeros(1, 1, 4, 4)).unique().tolist() == [-0.5, 0.5]


@pytest.mark.bits
def test_no_policy_changes_nothing() -> None:
    before = images(2, 3, 8, 8)
    assert torch.equal(augment()(before), before)


def test_gradients_equal_finite_differences() -> None:
    before = images(2, 3, 5, 4).requires_grad_()

    def changed(values: Tensor) -> Tensor:
        torch.manual_seed(1)
        result: Tensor = augment(*POLICY)(values)
        return result

    assert torch.autograd.gradcheck(changed, before)


def test_pieces_of_a_batch_change_as_the_whole() -> None:
    both = images(24, 3, 10, 12)  # 12 real ones, then 12 generated ones
    torch.manual_seed(5)
    real, fake = augment(*POLICY)(both).split(12)
    for start, stop in ((0, 5), (5, 10), (10, 12)):
        torch.manual_seed(5)
        with per_image.rows(start, stop, 12):
            piece = augment(*POLICY)(torch.cat((both[start:stop], both[12 + start : 12 + stop])))
        torch.testing.assert_close(piece, torch.cat((real[start:stop], fake[start:stop])), rtol=0, atol=1e-12)


@pytest.mark.bits
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_changed_in_float32(dtype: torch.dtype) -> None:
    before = images(4, 3, 16, 16).to(dtype)
    torch.manual_seed(0)
    after = augment(*POLICY)(before)
    torch.manual_seed(0)
    expected = augment(*POLICY)(before.float())
    assert after.dtype == dtype
    assert torch.equal(after, expected.to(dtype))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 64), (24, 40)])
def test_shapes_stay_and_every_image_changes(channels: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    before = images(8, channels, *size, dtype=torch.float32)
    after = augment(*POLICY)(before)
    assert after.shape == before.shape
    assert after.isfinite().all()
    assert (after != before).flatten(1).any(1).all()


def test_nothing_is_read_off_the_device() -> None:
    """The meta device has no numbers to read: whatever would wait for a GPU fails there."""
    before = torch.empty(4, 3, 16, 16, device="meta")
    assert augment(*POLICY)(before).shape == before.shape
    with per_image.rows(2, 6, 8):
        assert augment(*POLICY)(before).shape == before.shape


def test_nothing_drives_it() -> None:
    changes = augment(*POLICY)
    changes.observe(torch.ones(4))
    changes.adjust(64)
    assert changes.diagnostics() == {}
    assert changes.state_dict() == {}
    assert not changes.needs_absolute_logits
    assert isinstance(changes, Augment)
