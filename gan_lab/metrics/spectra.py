"""Power spectra of images: strength of detail by its fineness, averaged over directions and images."""

import torch
from torch import Tensor

from gan_lab.metrics.extractors import with_channels

FLOOR = 1e-8  # of the power, relative to black and white: below is rounding
HIGH = 0.75  # share of the highest frequency from which details count as the finest


def spectra(images: Tensor) -> Tensor:
    """Mean power by frequency of each image, in dB, float64 (n, shorter side // 2 + 1).

    The power of the two-dimensional Fourier transform of the grey image in [0, 1], divided by the number of pixels,
    averaged over the ring of each whole frequency (Durall et al. 2020, arXiv:2003.01826, section 2), as 10 log10.
    Frequencies are in cycles over the shorter side.

    Args:
        images: uint8, shape (n, 1 or 3, height, width).
    """
    grey = with_channels(images, 1)[:, 0].double() / 255
    height, width = grey.shape[1:]
    power = torch.fft.fft2(grey).abs().square() / (height * width)
    radius = rings(height, width).to(power.device)
    count = min(height, width) // 2 + 1
    inside = radius < count
    sums = torch.zeros(len(power), count, dtype=power.dtype, device=power.device)
    sums.index_add_(1, radius[inside], power[:, inside])
    mean = sums / radius[inside].bincount(minlength=count)
    decibels: Tensor = 10 * torch.log10(mean.clamp(min=FLOOR))
    return decibels


def rings(height: int, width: int) -> Tensor:
    """The whole frequency of each coefficient of the transform, int64 (height, width)."""
    shorter = min(height, width)
    down, right = (torch.fft.fftfreq(side, dtype=torch.float64) * shorter for side in (height, width))
    radius: Tensor = (down[:, None].square() + right.square()).sqrt()
    return radius.round().long()


def mean_spectrum(images: Tensor, at_once: int = 256) -> Tensor:
    """Mean spectrum of any number of uint8 images, in dB, float64 (frequencies,)."""
    return torch.stack([spectra(chunk).sum(0) for chunk in torch.split(images, at_once)]).sum(0) / len(images)


def differences(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Compare two mean spectra (frequencies,).

    Returns:
        `spectrum_error`: mean absolute difference over all frequencies but the mean brightness, in dB, 0 for equal
            ones. `spectrum_high`: the generated less the real one at the finest quarter of frequencies, in dB: above 0
            for noise or a grid, below 0 for blur.
    """
    difference = fake[1:] - real[1:]
    finest = difference[int(HIGH * len(difference)) :]
    return {"spectrum_error": float(difference.abs().mean()), "spectrum_high": float(finest.mean())}
