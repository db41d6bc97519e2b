import torch

from gan_lab.data.lab import SCALE, from_rgb, to_rgb
from gan_lab.utils.images import to_float

# CIE Lab at D65 of sRGB colours, as tables of colours print it (Lindbloom's calculator, to two digits).
PUBLISHED = {
    (0, 0, 0): (0.0, 0.0, 0.0),
    (255, 255, 255): (100.0, 0.0, 0.0),
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 0): (97.14, -21.55, 94.48),
    (0, 255, 255): (91.11, -48.09, -14.13),
    (255, 0, 255): (60.32, 98.23, -60.82),
    (128, 128, 128): (53.59, 0.0, 0.0),
}


def pixels(*colours: tuple[int, ...]) -> torch.Tensor:
    return torch.tensor(colours, dtype=torch.uint8)[:, :, None, None]


def unscaled(lab: torch.Tensor) -> torch.Tensor:
    lightness, a, b = lab.flatten(1).unbind(1)
    return torch.stack(((lightness + 1) * 50, a * SCALE, b * SCALE), 1)


def coarse() -> torch.Tensor:
    """All 4,096 colours of sixteen values a channel."""
    values = torch.arange(0, 256, 17, dtype=torch.uint8)
    return torch.cartesian_prod(values, values, values).reshape(64, 64, 3).permute(2, 0, 1)[None]


def test_colours_are_those_of_published_tables() -> None:
    torch.testing.assert_close(
        unscaled(from_rgb(pixels(*PUBLISHED))), torch.tensor([*PUBLISHED.values()]), atol=0.011, rtol=0
    )


def test_a_dark_grey_is_on_the_line_below_the_cube_root() -> None:
    linear = 2 / 255 / 12.92  # both curves are straight here
    expected = 116 * (linear / (3 * (6 / 29) ** 2) + 4 / 29) - 16  # worked by hand: 0.5484
    assert abs(expected - 0.5484) < 1e-4
    torch.testing.assert_close(
        unscaled(from_rgb(pixels((2, 2, 2))))[0], torch.tensor([expected, 0, 0]), atol=1e-4, rtol=0
    )


def test_every_colour_comes_back_and_lies_within_the_range() -> None:
    colours = coarse()
    lab = from_rgb(colours)
    assert lab.dtype == torch.float32
    assert lab.abs().max() <= 1
    assert ((to_rgb(lab) - to_float(colours)).abs().max() * 255 / 2) < 0.05


def test_grey_has_no_colour_with_one_channel_or_three() -> None:
    greys = torch.arange(256, dtype=torch.uint8)[:, None, None, None]
    lab = from_rgb(greys)
    assert lab[:, 1:].abs().max() < 1e-5
    assert torch.equal(lab, from_rgb(greys.repeat(1, 3, 1, 1)))
    assert (lab[1:, 0] > lab[:-1, 0]).all()


def test_what_srgb_lacks_is_cut_to_its_range_with_finite_gradients() -> None:
    lab = torch.tensor([[0.9, 1.0, -1.0], [-1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])[:, :, None, None].requires_grad_()
    rgb = to_rgb(lab)
    assert -1 <= rgb.min() < rgb.max() <= 1
    rgb.sum().backward()
    assert lab.grad is not None
    assert lab.grad.isfinite().all()


def test_it_is_scikit_images_lab() -> None:
    """Colours off the corners of the cube, as scikit-image 0.26's `rgb2lab` has them."""
    expected = {
        (12, 200, 99): (71.0669, -63.4582, 38.8503),
        (250, 128, 3): (66.3475, 40.9025, 72.7908),
        (64, 64, 64): (27.0934, -0.0009, 0.0017),
        (7, 3, 250): (31.8285, 77.5749, -105.8261),
        (199, 21, 133): (44.7663, 70.9915, -15.1667),
    }
    torch.testing.assert_close(
        unscaled(from_rgb(pixels(*expected))), torch.tensor([*expected.values()]), atol=0.02, rtol=0
    )
