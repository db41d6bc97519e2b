import numpy as np
import pytest
import torch

from gan_lab.utils import depth, images
from gan_lab.utils.depth import EIGHT, Depth, check_display, shown


def test_eight_bits_are_what_they_always_were() -> None:
    codes = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(EIGHT.to_float(codes), images.to_float(codes))
    levels = torch.linspace(-1.5, 1.5, 999)
    assert torch.equal(EIGHT.to_codes(levels), images.to_uint8(levels))
    assert EIGHT.to_uint8(codes) is codes
    assert depth.of(8, (100.0, 200.0)) is EIGHT, "a window is applied where values become 8 bits"


@pytest.mark.parametrize(
    ("window", "dtype"),
    [
        ((0, 65535), torch.uint16),
        ((0, 4095), torch.uint16),
        ((-1024, 3071), torch.int16),
        ((-32768, 32767), torch.int16),
    ],
)
def test_every_value_of_16_bits_survives_the_way_to_a_network_and_back(
    window: tuple[float, float], dtype: torch.dtype
) -> None:
    deep = depth.of(16, window)
    assert deep.dtype == dtype
    codes = torch.arange(int(window[0]), int(window[1]) + 1, dtype=torch.int32).to(dtype)
    seen = deep.to_float(codes)
    assert seen.dtype == torch.float32
    assert (seen[0].item(), seen[-1].item()) == (-1.0, 1.0)
    assert torch.equal(deep.to_codes(seen), codes)


def test_floating_points_come_back_to_a_millionth_of_the_window() -> None:
    deep = depth.of("float", (-2.0, 6.0))
    codes = torch.rand(1000, dtype=torch.float64).mul(8).sub(2).float()
    assert (deep.to_float(codes).min(), deep.to_float(codes).max()) >= (-1, -1)
    assert (deep.to_codes(deep.to_float(codes)) - codes).abs().max() < 8e-6
    assert deep.to_codes(deep.to_float(codes)).dtype == torch.float32
    assert not deep.is_whole


def test_what_a_network_says_beyond_the_window_is_cut_and_values_between_are_rounded() -> None:
    deep = depth.of(16, (0, 1000))
    assert deep.to_codes(torch.tensor([-2.0, -1.0, 0.0009, 0.0011, 2.0])).tolist() == [0, 0, 500, 501, 1000]


def test_a_value_in_the_middle_of_the_window_is_zero() -> None:
    assert depth.of(16, (-1000, 2000)).to_float(torch.tensor([500], dtype=torch.int16)).item() == 0.0
    assert Depth(torch.uint16, (7, 7)).to_float(torch.tensor([7], dtype=torch.uint16)).item() == 0.0, "all alike"


def test_to_be_looked_at_a_window_has_256_steps() -> None:
    deep = depth.of(16, (0, 2550))
    codes = torch.from_numpy(np.array([0, 10, 1275, 2550], np.uint16))
    assert deep.to_uint8(codes).tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("window", [(0, 65536), (-1, 32768), (0.5, 10), (-40000, 0)])
def test_16_bits_that_do_not_hold_the_window_are_refused(window: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"data\.depth=16 holds whole numbers .* take data\.depth=float"):
        depth.of(16, window)


def test_of_many_channels_three_are_shown() -> None:
    many = torch.arange(5)[None, :, None, None].expand(2, 5, 3, 3)
    assert shown(many)[0, :, 0, 0].tolist() == [0, 1, 2]
    assert shown(many, [5, 2, 1])[0, :, 0, 0].tolist() == [4, 1, 0]
    assert shown(many, [4])[0, :, 0, 0].tolist() == [3]
    assert shown(many[:, :2])[0, :, 0, 0].tolist() == [0], "of two the first, in grey"
    assert shown(many[:, :3]).shape[1] == 3
    assert shown(many[:, :1]).shape[1] == 1


@pytest.mark.parametrize("display", [[], [0], [6], [1, 2], [1, 2, 3, 4]])
def test_channels_that_there_are_not_are_refused(display: list[int]) -> None:
    with pytest.raises(ValueError, match=r"data\.display=.* one channel or of three, each from 1 to 5"):
        check_display(display, 5)
