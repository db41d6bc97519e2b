"""ADA's pipeline: each change against numbers worked out by hand, with the random numbers given."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from torch import Tensor

from gan_lab.augment import pipeline as module
from gan_lab.augment.pipeline import Draws, Pipeline, Row, band_gains, is_identity, product
from gan_lab.config.schema import build
from gan_lab.utils import per_image
from tests.conftest import CONF

BLIT = ["flip", "quarter_turns", "translation"]
GEOMETRY = ["scale", "rotation", "stretch", "translation"]
COLOUR = ["brightness", "contrast", "luma_flip", "hue", "saturation"]
CORRUPTION = ["filter", "noise", "cutout"]
DOUBLE = torch.float64
HALF = torch.tensor(0.5)
Given = Callable[..., None]


def pipeline(**groups: Any) -> Pipeline:
    return Pipeline(**{"blit": [], "geometry": [], "colour": [], "corruption": [], **groups})


def everything() -> Pipeline:
    return pipeline(blit=BLIT, geometry=GEOMETRY, colour=COLOUR, corruption=CORRUPTION)


def images(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype) - 1


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Have certain changes happen to every image, each with two uniform and two normal numbers, and no others."""

    def give(changes: dict[int, tuple[float, float, float, float]]) -> None:
        def rand(count: int, *shape: int, like: Tensor) -> Tensor:
            numbers = torch.full((count, *shape), 0.999, dtype=like.dtype)
            for row, (u, v, _, _) in changes.items():
                numbers[..., row] = torch.tensor([0.0, u, v], dtype=like.dtype)
            return numbers

        def randn(count: int, *shape: int, like: Tensor) -> Tensor:
            numbers = torch.zeros(count, *shape, dtype=like.dtype)
            if len(shape) == 2:
                for row, (_, _, z, w) in changes.items():
                    numbers[..., row] = torch.tensor([z, w], dtype=like.dtype)
            else:
                numbers[...] = 1.0  # noise
            return numbers

        monkeypatch.setattr(per_image, "rand", rand)
        monkeypatch.setattr(per_image, "randn", randn)

    return give


def uniform(u: float, v: float = 0.0) -> tuple[float, float, float, float]:
    return u, v, 0.0, 0.0


def normal(z: float, w: float = 0.0) -> tuple[float, float, float, float]:
    return 0.0, 0.0, z, w


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({Row.FLIP: uniform(0.5)}, [[-1, 0, 0], [0, 1, 0]]),
        ({Row.FLIP: uniform(0.49)}, [[1, 0, 0], [0, 1, 0]]),
        ({Row.QUARTER_TURNS: uniform(0.2)}, [[1, 0, 0], [0, 1, 0]]),
        ({Row.QUARTER_TURNS: uniform(0.25)}, [[0, -1, 0], [1, 0, 0]]),
        ({Row.QUARTER_TURNS: uniform(0.5)}, [[-1, 0, 0], [0, -1, 0]]),
        ({Row.QUARTER_TURNS: uniform(0.99)}, [[0, 1, 0], [-1, 0, 0]]),
        # By (0.75 - 0.5) / 4 of 32 = 2 to the right, and by -1/8 of 16 down.
        ({Row.BLIT_TRANSLATION: uniform(0.75, 0.0)}, [[1, 0, -2], [0, 1, 2]]),
        ({Row.BLIT_TRANSLATION: uniform(0.55, 0.6)}, [[1, 0, 0], [0, 1, 0]]),  # less than half a pixel
        ({Row.SCALE: normal(5.0)}, [[0.5, 0, 0], [0, 0.5, 0]]),  # 2^(0.2 * 5) = 2: looks half as far
        ({Row.FIRST_ROTATION: uniform(0.75)}, [[0, -1, 0], [1, 0, 0]]),  # pi / 2
        ({Row.SECOND_ROTATION: uniform(2 / 3)}, [[0.5, -(0.75**0.5), 0], [0.75**0.5, 0.5, 0]]),  # pi / 3
        ({Row.STRETCH: normal(-5.0)}, [[2, 0, 0], [0, 0.5, 0]]),
        ({Row.TRANSLATION: normal(1.0, -0.25)}, [[1, 0, -4], [0, 1, 0.5]]),  # eighths of 32 and 16
        # In the paper's order: flipped, then moved, then scaled: x becomes 2 (-x + 2), so x looks at -(x / 2 - 2).
        (
            {Row.FLIP: uniform(0.5), Row.BLIT_TRANSLATION: uniform(0.75, 0.5), Row.SCALE: normal(5.0)},
            [[-0.5, 0, 2], [0, 0.5, 0]],
        ),
        # Which of two comes first counts: the paper turns, stretches, turns again, and moves.
        ({Row.FIRST_ROTATION: uniform(0.75), Row.STRETCH: normal(5.0)}, [[0, -2, 0], [0.5, 0, 0]]),
        ({Row.STRETCH: normal(5.0), Row.SECOND_ROTATION: uniform(0.75)}, [[0, -0.5, 0], [2, 0, 0]]),
        ({Row.SECOND_ROTATION: uniform(0.75), Row.TRANSLATION: normal(1.0)}, [[0, -1, 0], [1, 0, -4]]),
    ],
)
def test_places_are_those_worked_out_by_hand(
    changes: dict[int, tuple[float, float, float, float]], expected: list[list[float]], given: Given
) -> None:
    given(changes)
    found = everything().places(Draws(torch.zeros(2, 1, dtype=DOUBLE), HALF), width=32, height=16)
    rows = torch.tensor([*expected, [0, 0, 1]], dtype=DOUBLE).expand(2, 3, 3)
    torch.testing.assert_close(found, rows, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        ({Row.BRIGHTNESS: normal(1.0)}, (0.1, -0.2, 0.6), (0.3, 0.0, 0.8)),
        ({Row.CONTRAST: normal(2.0)}, (0.1, -0.2, 0.6), (0.2, -0.4, 1.2)),
        ({Row.LUMA_FLIP: uniform(0.5)}, (0.1, -0.2, 0.4), (-0.1, -0.4, 0.2)),  # less twice the mean, 0.1
        ({Row.LUMA_FLIP: uniform(0.4)}, (0.1, -0.2, 0.4), (0.1, -0.2, 0.4)),
        ({Row.HUE: uniform(5 / 6)}, (0.1, -0.2, 0.4), (0.4, 0.1, -0.2)),  # 2 pi / 3: red becomes green
        ({Row.HUE: uniform(1.0)}, (1.0, 0.0, 0.0), (-1 / 3, 2 / 3, 2 / 3)),  # pi: the opposite of red is cyan
        ({Row.SATURATION: normal(1.0)}, (0.1, -0.2, 0.4), (0.1, -0.5, 0.7)),  # twice as far from 0.1
        ({Row.SATURATION: normal(-1.0)}, (0.1, -0.2, 0.4), (0.1, -0.05, 0.25)),
        ({Row.BRIGHTNESS: normal(1.0), Row.CONTRAST: normal(2.0)}, (0.1, -0.2, 0.4), (0.6, 0.0, 1.2)),
        # Contrast, then the mean 0.2 taken off twice, then red to green.
        (
            {Row.CONTRAST: normal(2.0), Row.LUMA_FLIP: uniform(0.5), Row.HUE: uniform(5 / 6)},
            (0.1, -0.2, 0.4),
            (0.4, -0.2, -0.8),
        ),
    ],
)
def test_colours_are_those_worked_out_by_hand(
    changes: dict[int, tuple[float, float, float, float]],
    before: tuple[float, float, float],
    after: tuple[float, float, float],
    given: Given,
) -> None:
    given(changes)
    image = torch.tensor(before, dtype=DOUBLE)[None, :, None, None].expand(2, 3, 4, 5)
    expected = torch.tensor(after, dtype=DOUBLE)[None, :, None, None].expand(2, 3, 4, 5)
    torch.testing.assert_close(pipeline(colour=COLOUR)(image, HALF), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({Row.BRIGHTNESS: normal(-2.0)}, 0.0),
        ({Row.CONTRAST: normal(2.0)}, 0.8),
        ({Row.LUMA_FLIP: uniform(0.5)}, -0.4),
        ({Row.HUE: uniform(0.7), Row.SATURATION: normal(2.0)}, 0.4),
    ],
)
def test_grey_images_have_light_and_no_colour(
    changes: dict[int, tuple[float, float, float, float]], after: float, given: Given
) -> None:
    given(changes)
    image = torch.full((2, 1, 4, 5), 0.4, dtype=DOUBLE)
    torch.testing.assert_close(pipeline(colour=COLOUR)(image, HALF), torch.full_like(image, after), atol=1e-12, rtol=0)


def test_an_image_moves_the_way_that_the_numbers_say(given: Given) -> None:
    given({Row.BLIT_TRANSLATION: uniform(0.75, 0.0)})
    before = images(2, 3, 16, 32)
    after = pipeline(blit=["translation"])(before, HALF)
    torch.testing.assert_close(after[..., :14, 2:], before[..., 2:, :30], rtol=0, atol=1e-10)
    assert (after - before).abs().max() > 0.5


def test_a_band_gets_its_gain_and_natural_images_keep_their_power(given: Given) -> None:
    given({Row.FIRST_BAND + 1: normal(1.0)})
    gains = band_gains(Draws(torch.zeros(2, 1, dtype=DOUBLE), HALF))
    # 2 for the second, and all divided by the root of 10/13 + 4/13 + 1/13 + 1/13.
    expected = torch.tensor([1.0, 2.0, 1.0, 1.0], dtype=DOUBLE) / math.sqrt(16 / 13)
    torch.testing.assert_close(gains, expected.expand(2, 4), rtol=1e-12, atol=0)
    given({Row.FIRST_BAND: normal(1.0), Row.FIRST_BAND + 3: normal(-1.0)})
    gains = band_gains(Draws(torch.zeros(1, 1, dtype=DOUBLE), HALF))
    expected = torch.tensor([[2.0, 1, 1, 0.5]], dtype=DOUBLE) / math.sqrt(43 / 13) / math.sqrt(12.25 / 13)
    torch.testing.assert_close(gains, expected, rtol=1e-12, atol=0)
    grey = torch.full((1, 3, 8, 8), 0.5, dtype=DOUBLE)
    after = pipeline(corruption=["filter"])(grey, HALF)
    torch.testing.assert_close(after, grey * expected[0, 0] ** 2, rtol=1e-12, atol=0)


def test_noise_has_the_deviation_that_was_drawn(given: Given) -> None:
    given({Row.NOISE: normal(-2.0)})
    after = pipeline(corruption=["noise"])(torch.zeros(2, 3, 4, 4, dtype=DOUBLE), HALF)
    torch.testing.assert_close(after, torch.full_like(after, 0.2), rtol=1e-12, atol=0)  # 0.1 |-2| times 1


@pytest.mark.parametrize(
    ("across", "down", "columns", "rows"),
    [(0.5, 0.5, range(2, 6), range(4, 12)), (0.0, 0.9, range(2), range(10, 16)), (1.0, 0.0, range(6, 8), range(4))],
)
def test_a_hole_lies_around_its_centre(across: float, down: float, columns: range, rows: range, given: Given) -> None:
    given({Row.CUTOUT: uniform(across, down)})
    after = pipeline(corruption=["cutout"])(torch.ones(1, 2, 16, 8, dtype=DOUBLE), HALF)
    expected = torch.ones(1, 2, 16, 8, dtype=DOUBLE)
    expected[:, :, rows.start : rows.stop, columns.start : columns.stop] = 0
    assert torch.equal(after, expected)


@pytest.mark.bits
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_probability_of_zero_gives_the_images_back_and_draws_nothing(dtype: torch.dtype) -> None:
    before = images(4, 3, 16, 16).to(dtype)
    state = torch.get_rng_state()
    assert everything()(before, torch.zeros(())) is before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.bits
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_zero_gives_the_same_bits_where_it_cannot_be_read(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: everything is computed, and nothing of it is taken."""
    monkeypatch.setattr(module, "can_be_read", lambda tensor: False)
    torch.manual_seed(0)
    before = images(4, 3, 16, 16).to(dtype)
    before[0, 0, 0, 0] = -0.0
    before.requires_grad_()
    after = everything()(before, torch.zeros(()))
    assert after is not before
    assert torch.equal(after.detach().view(torch.uint8), before.detach().view(torch.uint8)), "a zero's sign, too"
    weights = images(4, 3, 16, 16).to(dtype)
    (gradient,) = torch.autograd.grad((after * weights).sum(), before)
    assert torch.equal(gradient, weights)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("p", [0.02, 0.1, 1.0])
def test_what_can_be_read_saves_work_and_changes_nothing(
    p: float, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = images(32, channels, 8, 8).requires_grad_()
    found = []
    for readable in (True, False):
        monkeypatch.setattr(module, "can_be_read", lambda tensor, readable=readable: readable)
        torch.manual_seed(0)
        after = everything()(before, torch.tensor(p))
        (gradient,) = torch.autograd.grad(after.square().sum(), before)
        found.append((after, gradient, (after == before).flatten(1).all(1)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    assert found[0][2].sum() > 3 if p < 0.5 else not found[0][2].any(), "each image is chosen by itself"


def test_no_hue_of_grey_images_is_no_change() -> None:
    before = images(4, 1, 8, 8)
    assert torch.equal(pipeline(colour=["hue", "saturation"])(before, HALF), before)


# Of changes that happen with probability p, what share of the images really changes.
@pytest.mark.parametrize(
    ("groups", "share"),
    [
        ({"blit": ["flip"]}, lambda p: p / 2),
        ({"blit": ["quarter_turns"]}, lambda p: p * 3 / 4),
        ({"blit": ["translation"]}, lambda p: p * 63 / 64),  # by up to 4 pixels of 32; by none 1/8 of the time
        ({"geometry": ["scale"]}, lambda p: p),
        ({"geometry": ["rotation"]}, lambda p: p),  # before, after or both
        ({"geometry": ["stretch"]}, lambda p: p),
        ({"geometry": ["translation"]}, lambda p: p),
        (
            {"blit": BLIT, "geometry": GEOMETRY},
            lambda p: 1 - (1 - p / 2) * (1 - p * 3 / 4) * (1 - p * 63 / 64) * (1 - p) ** 4,
        ),
    ],
)
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_as_many_images_change_their_places_as_expected(
    groups: dict[str, Any], share: Callable[[float], float], p: float
) -> None:
    torch.manual_seed(0)
    places = pipeline(**groups).places(Draws(torch.zeros(20000, 1), torch.tensor(p)), width=32, height=32)
    assert (~is_identity(places)).float().mean().item() == pytest.approx(share(p), abs=0.012)


@pytest.mark.parametrize(
    ("colour", "share"),
    [
        (["brightness"], 0.5),
        (["contrast"], 0.5),
        (["luma_flip"], 0.25),
        (["hue"], 0.5),
        (["saturation"], 0.5),
        (COLOUR, 1 - 0.5**4 * 0.75),
    ],
)
def test_as_many_images_change_their_colours_as_expected(colour: list[str], share: float) -> None:
    torch.manual_seed(0)
    colours = pipeline(colour=colour).colours(Draws(torch.zeros(20000, 1), HALF), grey=False)
    assert (~is_identity(colours)).float().mean().item() == pytest.approx(share, abs=0.012)


@pytest.mark.parametrize("colour", COLOUR)
def test_a_share_of_p_changes_colours_and_all_of_it_the_rest(colour: str) -> None:
    """By the numbers of the same draws: at 0.8 and a share of a half, who has less than 0.4 is changed."""
    images = torch.rand(2000, 3, 4, 4)
    draws = Draws(images, torch.tensor(0.8))
    found = pipeline(colour=[colour], colour_share=0.5).colours(draws, grey=False)
    half = Draws(images, torch.tensor(0.4))
    half.chance, half.uniform, half.normal = draws.chance, draws.uniform, draws.normal
    expected = pipeline(colour=[colour]).colours(half, grey=False)
    assert torch.equal(found, expected)
    assert not torch.equal(found, pipeline(colour=[colour]).colours(draws, grey=False))
    both = pipeline(blit=["flip"], colour_share=0.5).places(draws, width=4, height=4)
    assert torch.equal(both, pipeline(blit=["flip"]).places(draws, width=4, height=4))


def test_quarter_turns_do_not_leak_below_a_probability_of_one() -> None:
    """Upright stays the commonest, so what is upright can be told: 1 - 3/4 p of the images, and p / 4 for each turn."""
    torch.manual_seed(0)
    draws = Draws(torch.zeros(20000, 1), torch.tensor(0.8))
    places = pipeline(blit=["quarter_turns"]).places(draws, width=32, height=32)
    turns = torch.stack((places[:, 0, 0], places[:, 1, 0]), 1).round().long().tolist()
    shares = [turns.count(turn) / 20000 for turn in ([1, 0], [0, 1], [-1, 0], [0, -1])]
    assert shares == pytest.approx([0.4, 0.2, 0.2, 0.2], abs=0.012)


def test_strengths_are_spread_as_in_the_paper() -> None:
    torch.manual_seed(0)
    draws, one = Draws(torch.zeros(20000, 1), torch.tensor(1.0)), torch.tensor(1.0)
    scale = pipeline(geometry=["scale"]).places(draws, width=32, height=32)[:, 0, 0].log2()
    assert scale.std().item() == pytest.approx(0.2, rel=0.03)
    stretch = pipeline(geometry=["stretch"]).places(draws, width=32, height=32)
    torch.testing.assert_close(stretch[:, 0, 0] * stretch[:, 1, 1], torch.ones(20000))
    moves = pipeline(geometry=["translation"]).places(draws, width=32, height=64)[:, :2, 2].std(0)
    assert moves.tolist() == pytest.approx([4, 8], rel=0.03)
    whole = pipeline(blit=["translation"]).places(draws, width=32, height=64)[:, :2, 2]
    assert whole.abs().amax(0).tolist() == [4, 8]
    assert torch.equal(whole, whole.round())
    added = pipeline(colour=["brightness"]).colours(draws, grey=True)[:, 0, 3]
    assert added.std().item() == pytest.approx(0.2, rel=0.03)
    contrast = pipeline(colour=["contrast"]).colours(draws, grey=True)[:, 0, 0].log2()
    assert contrast.std().item() == pytest.approx(0.5, rel=0.03)
    noise = pipeline(corruption=["noise"])(torch.zeros(2000, 1, 8, 8), one).flatten(1).std(1)
    assert noise.square().mean().sqrt().item() == pytest.approx(0.1, rel=0.05)


def test_gradients_equal_finite_differences() -> None:
    torch.manual_seed(0)
    changes = everything()
    before = images(3, 3, 4, 3).requires_grad_()

    def changed(values: Tensor) -> Tensor:
        torch.manual_seed(1)
        result: Tensor = changes(values, torch.tensor(0.7))
        return result

    assert not torch.equal(changed(before), before)
    assert torch.autograd.gradcheck(changed, before)


def test_pieces_of_a_batch_change_as_the_whole() -> None:
    changes, p = everything(), torch.tensor(0.6)
    before = images(12, 3, 10, 12)
    torch.manual_seed(5)
    whole = changes(before, p)
    for start, stop in ((0, 5), (5, 10), (10, 12)):
        torch.manual_seed(5)
        with per_image.rows(start, stop, 12):
            piece = changes(before[start:stop], p)
        torch.testing.assert_close(piece, whole[start:stop], rtol=0, atol=1e-12)
    assert (whole != before).flatten(1).any(1).all()


def test_real_and_generated_images_in_one_go_change_as_in_pieces() -> None:
    changes, p = everything(), torch.tensor(0.6)
    both = images(16, 3, 10, 12)  # 8 real ones, then 8 generated ones
    torch.manual_seed(5)
    real, fake = changes(both, p).split(8)
    torch.manual_seed(5)
    with per_image.rows(2, 6, 8):
        piece = changes(torch.cat((both[2:6], both[10:14])), p)
    torch.testing.assert_close(piece, torch.cat((real[2:6], fake[2:6])), rtol=0, atol=1e-12)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 64), (24, 40), (8, 8), (4, 7)])
def test_shapes_stay(channels: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    before = images(4, channels, *size, dtype=torch.float32)
    after = everything()(before, torch.tensor(1.0))
    assert after.shape == before.shape
    assert after.isfinite().all()
    assert not torch.equal(after, before)


@pytest.mark.bits
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_changed_in_float32(dtype: torch.dtype) -> None:
    before = images(4, 3, 16, 16).to(dtype)
    torch.manual_seed(0)
    after = everything()(before, HALF)
    torch.manual_seed(0)
    expected = everything()(before.float(), HALF)
    assert after.dtype == dtype
    assert torch.equal(after, expected.to(dtype))


@pytest.mark.bits
def test_autocast_changes_nothing() -> None:
    before = images(4, 3, 16, 16, dtype=torch.float32)
    torch.manual_seed(0)
    expected = everything()(before, HALF)
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        after = everything()(before, HALF)
    assert torch.equal(after, expected)


def test_colours_of_other_channels_are_refused_even_at_zero() -> None:
    before = images(2, 2, 8, 8)
    with pytest.raises(ValueError, match=r"1 or 3 channels, and these have 2; set model\.augment\.pipeline\.colour"):
        pipeline(colour=["contrast"])(before, torch.zeros(()))
    assert pipeline(blit=BLIT, geometry=GEOMETRY, corruption=CORRUPTION)(before, HALF).shape == before.shape


def test_nothing_is_read_off_the_device() -> None:
    """The meta device has no numbers to read: whatever would wait for a GPU fails there."""
    before = torch.empty(4, 3, 16, 16, device="meta")
    assert everything()(before, torch.zeros((), device="meta")).shape == before.shape


def test_products_of_matrices_are_those_of_torch() -> None:
    first, second = images(5, 3, 3), images(5, 3, 3)
    torch.testing.assert_close(product(first, second), first @ second)


def test_digits_are_neither_mirrored_nor_turned_nor_mixed() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        digits = build(compose("model/augment/pipeline/digits").model.augment.pipeline)
        other = build(compose("model/augment/pipeline/bgc").model.augment.pipeline)
    torch.manual_seed(0)
    draws = Draws(torch.zeros(1000, 1), torch.tensor(1.0))
    places = digits.places(draws, width=28, height=28)
    assert (places[:, (0, 1), (0, 1)] > 0).all()
    assert (places[:, (0, 1), (1, 0)] == 0).all()
    assert (places[:, :2, 2] != 0).all()
    colours = digits.colours(draws, grey=False)[:, :3, :3]
    assert (colours.diagonal(dim1=1, dim2=2) > 0).all()
    assert torch.equal(colours, torch.diag_embed(colours.diagonal(dim1=1, dim2=2)))
    assert (other.places(draws, width=28, height=28)[:, (0, 1), (1, 0)] != 0).any()
