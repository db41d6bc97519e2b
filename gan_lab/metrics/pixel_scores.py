"""Scores of images against the very images that they should be: PSNR, SSIM, mean absolute difference.

All take uint8 images and targets (n, channels, height, width), but for `difference`, and return a value for each image,
float64 (n,).
"""

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

SIGMA, REACH = 1.5, 5  # of SSIM's Gaussian window, in pixels: 11 x 11


def absolute_error(images: Tensor, targets: Tensor) -> Tensor:
    """The mean absolute difference of pixels in [0, 1]; 0 where all are right."""
    return (images.double() - targets.double()).abs().flatten(1).mean(1) / 255


def difference(images: Tensor, targets: Tensor) -> Tensor:
    """The mean absolute difference of values of any type, in their own units: float64 (n,)."""
    return (images.double() - targets.double()).abs().flatten(1).mean(1)


def psnr(images: Tensor, targets: Tensor, peak: float = 255.0, step: float = 1.0) -> Tensor:
    """The peak signal-to-noise ratio, -10 log10 of the mean squared difference of pixels in [0, 1], in dB.

    An image without any difference counts as one of which a single value is off by one step: of 8 bits 48.1 dB and
    more, by its size. With infinity, a mean would tell nothing of the other images.

    Args:
        images: (n, channels, height, width).
        targets: of the same shape.
        peak: width of the range of values.
        step: from a value to the next.
    """
    squares = (images.double() - targets.double()).square().flatten(1)
    mean = squares.sum(1).clamp_min(step**2) / squares.shape[1]
    return -10 * torch.log10(mean / peak**2)


def ssim(images: Tensor, targets: Tensor) -> Tensor:
    """The structural similarity (Wang et al. 2004, doi:10.1109/TIP.2003.819861), at most 1, of images of 11 pixels on.

    A Gaussian window of deviation 1.5, K1 = 0.01, K2 = 0.03, each channel on its own, biased covariances, and the mean
    over all places where the window lies inside the image: scikit-image's with `gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=1`. torchmetrics' own mean takes in places at the edges.
    """
    window = {"gaussian_kernel": True, "sigma": SIGMA, "k1": 0.01, "k2": 0.03}
    _, everywhere = structural_similarity_index_measure(
        images.double() / 255,
        targets.double() / 255,
        data_range=1.0,
        reduction="none",
        return_full_image=True,
        **window,  # type: ignore[arg-type]
    )
    inside: Tensor = everywhere[..., REACH:-REACH, REACH:-REACH]
    return inside.flatten(1).mean(1)
