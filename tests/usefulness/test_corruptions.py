import pytest
import torch

from gan_lab.usefulness.corruptions import CORRUPTIONS, NOISE, blur, contrast, noise, shift


def dot(side: int = 28, at: int = 14, count: int = 1) -> torch.Tensor:
    images = torch.zeros(count, 1, side, side)
    images[:, :, at, at] = 1
    return images


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_keeps_shape_and_range_and_does_the_same_again(name: str) -> None:
    images = torch.rand(5, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    found = CORRUPTIONS[name](images)
    assert found.shape == images.shape
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1 + 1e-6
    assert torch.equal(found, CORRUPTIONS[name](images))
    assert float((found - images).abs().max()) > 0.05


def test_noise_has_its_deviation() -> None:
    found = noise(torch.full((4, 1, 50, 50), 0.5)) - 0.5  # cut off at 2.5 deviations, which takes some away
    assert float(found.std()) == pytest.approx(NOISE, rel=0.05)


def test_blur_spreads_a_dot_evenly_and_loses_nothing() -> None:
    # A deviation of one pixel: the weights e^0, e^-0.5, e^-2, e^-4.5 on either side, over their sum 2.50595.
    found = blur(dot())[0, 0]
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
    assert float(found[14, 14]) == pytest.approx((1 / 2.50595) ** 2, abs=1e-5)
    assert float(found[14, 15]) == pytest.approx(0.60653 / 2.50595**2, abs=1e-5)
    assert torch.allclose(found, found.T)


def test_shift_takes_each_diagonal_in_turn() -> None:
    found = shift(dot(count=5))
    places = [tuple(image[0].nonzero()[0].tolist()) for image in found]
    assert places == [(17, 17), (17, 11), (11, 17), (11, 11), (17, 17)]


def test_contrast_draws_the_values_of_an_image_to_their_mean() -> None:
    images = torch.tensor([[0.0, 0.2, 1.0], [0.6, 0.6, 0.6]]).view(2, 1, 1, 3)  # means of 0.4 and 0.6
    assert contrast(images)[0].flatten().tolist() == pytest.approx([0.28, 0.34, 0.58])
    assert torch.allclose(contrast(images)[1], images[1])
