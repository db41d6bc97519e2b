"""Scores of pixels, held against scikit-image 0.26 on images that a linear congruential generator repeats anywhere."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lab.metrics.pixel_scores import absolute_error, psnr, ssim


def pair(channels: int, size: int) -> tuple[Tensor, Tensor]:
    """An image and a noisy copy, uint8 (1, channels, size, size)."""
    state, numbers = 7, []
    for _ in range(2 * channels * size**2):
        state = (1103515245 * state + 12345) % 2**31
        numbers.append((state >> 16) % 256)
    noise, base = np.array(numbers).reshape(2, size, size, channels)
    smooth = np.cumsum(base, 0) % 256
    near = np.clip(smooth + noise // 8 - 16, 0, 255)
    target, image = (torch.from_numpy(pixels.astype(np.uint8)).permute(2, 0, 1)[None] for pixels in (smooth, near))
    return image, target


# peak_signal_noise_ratio and structural_similarity of pixels / 255 with data_range=1, gaussian_weights=True, sigma=1.5,
# use_sample_covariance=False, channel_axis=2
@pytest.mark.parametrize(
    ("channels", "size", "ratio", "similarity", "difference"),
    [
        (1, 11, 29.03798471156694, 0.9930513591237541, 0.030627126883811372),
        (1, 28, 28.99151680986035, 0.9921086158585576, 0.030347138855542216),
        (3, 64, 28.976519258420424, 0.9922022542566706, 0.03053481158088235),
    ],
)
def test_they_are_those_of_scikit_image(
    channels: int, size: int, ratio: float, similarity: float, difference: float
) -> None:
    image, target = pair(channels, size)
    images, targets = torch.cat((image, target)), torch.cat((target, image.flip(2)))
    assert psnr(images, targets)[0].item() == pytest.approx(ratio, abs=1e-9)
    assert ssim(images, targets)[0].item() == pytest.approx(similarity, abs=1e-9)
    assert absolute_error(images, targets)[0].item() == pytest.approx(difference, abs=1e-12)
    assert ssim(images, targets)[1] < 0.9 < similarity, "each image has its own"


def test_what_is_right_has_the_best_there_is() -> None:
    image, _ = pair(3, 16)
    nearly = image.clone()
    nearly[0, 1, 5, 5] ^= 1
    assert absolute_error(image, image).tolist() == [0]
    assert ssim(image, image).item() == pytest.approx(1, abs=1e-12)
    assert psnr(image, image).item() == psnr(nearly, image).item() == 10 * math.log10(255**2 * 3 * 16**2)


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 40)])
def test_they_are_those_of_the_scikit_image_that_is_installed(channels: int, size: int) -> None:
    metrics = pytest.importorskip("skimage.metrics", reason="the extra dev is not installed")
    image, target = pair(channels, size)
    ours = (psnr(image, target).item(), ssim(image, target).item())
    a, b = (each[0].permute(1, 2, 0).double().numpy() / 255 for each in (image, target))
    similarity = metrics.structural_similarity(
        a, b, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2
    )
    assert ours == pytest.approx((metrics.peak_signal_noise_ratio(b, a, data_range=1), similarity), abs=1e-9)


def test_they_are_those_of_torchmetrics() -> None:
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    image, target = pair(3, 40)
    _, everywhere = structural_similarity_index_measure(
        image.double() / 255, target.double() / 255, data_range=1.0, return_full_image=True
    )
    inside = everywhere[..., 5:-5, 5:-5].mean()  # where scikit-image and Wang et al. look
    assert ssim(image, target).item() == pytest.approx(inside.item(), abs=1e-9)
    theirs = peak_signal_noise_ratio(image.double() / 255, target.double() / 255, data_range=1.0)
    assert psnr(image, target).item() == pytest.approx(theirs.item(), abs=1e-4)  # in float32
