import math

import pytest
import torch

from gan_lab.metrics.spectra import differences, mean_spectrum, rings, spectra


def test_a_wave_has_its_power_at_its_frequency() -> None:
    """cos(2 pi 4 x / 16) / 2 + 1/2: coefficients of n / 4 at both of its places, so a power of n / 16 each."""
    wave = (torch.cos(torch.arange(16) * 2 * math.pi * 4 / 16) / 2 + 0.5) * 255
    images = wave.expand(16, 16)[None, None].round().byte()
    found = spectra(images)[0]
    ring = (rings(16, 16) == 4).sum()
    assert found[4] == pytest.approx(10 * math.log10(2 * 256 / 16 / int(ring)), abs=0.1)
    assert found[4] - found[[1, 2, 3, 5, 6, 7, 8]].max() > 25


def test_a_grey_picture_has_brightness_alone() -> None:
    found = spectra(torch.full((1, 3, 8, 8), 255, dtype=torch.uint8))[0]
    assert found[0] == pytest.approx(10 * math.log10(64))
    assert (found[1:] <= -79).all()


def test_the_mean_is_over_images_however_they_come() -> None:
    images = torch.randint(0, 256, (10, 1, 12, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(mean_spectrum(images, at_once=3), spectra(images).mean(0))
    assert mean_spectrum(images).shape == (5,)


def test_blur_is_below_and_noise_above() -> None:
    generator = torch.Generator().manual_seed(0)
    real = torch.randint(0, 256, (20, 1, 16, 16), dtype=torch.uint8, generator=generator)
    blurred = torch.nn.functional.avg_pool2d(real.float(), 3, 1, 1).byte()
    blur = differences(mean_spectrum(real), mean_spectrum(blurred))
    assert blur["spectrum_high"] < -3
    assert blur["spectrum_error"] > 3
    back = differences(mean_spectrum(blurred), mean_spectrum(real))
    assert back["spectrum_high"] == pytest.approx(-blur["spectrum_high"])
    assert differences(mean_spectrum(real), mean_spectrum(real)) == {"spectrum_error": 0, "spectrum_high": 0}
