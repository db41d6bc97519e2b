"""CIE Lab of sRGB pictures, whose L is the lightness and whose a and b are the colour, at daylight D65.

A network sees all three in about [-1, 1]: L of 0 to 100, and a and b divided by `SCALE`, the largest value of any sRGB
colour being 107.9 (blue's b).
"""

import torch
from torch import Tensor

SCALE = 110.0
# Linear sRGB to XYZ, of IEC 61966-2-1, and the white point that this matrix itself gives: so grey has no colour.
TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_MATRIX = torch.tensor(TO_XYZ, dtype=torch.float64)
FROM_XYZ = torch.linalg.inv(_MATRIX / _MATRIX.sum(1, keepdim=True))  # of ratios to white
KNEE = 6 / 29  # below its cube, CIE's cube root is a line


def from_rgb(pixels: Tensor) -> Tensor:
    """Convert uint8 grey or sRGB (n, 1 or 3, height, width) to float32 (n, 3, height, width): L, a, b in [-1, 1]."""
    encoded = pixels.expand(-1, 3, -1, -1).float() / 255
    linear = torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    matrix = linear.new_tensor(TO_XYZ)
    ratios = torch.einsum("ij,njhw->nihw", matrix / matrix.sum(1, keepdim=True), linear)
    line = ratios / (3 * KNEE**2) + 4 / 29
    x, y, z = torch.where(ratios > KNEE**3, ratios.clamp_min(KNEE**3) ** (1 / 3), line).unbind(1)
    return torch.stack(((116 * y - 16) / 50 - 1, 500 * (x - y) / SCALE, 200 * (y - z) / SCALE), 1)


def to_rgb(lab: Tensor) -> Tensor:
    """Convert L, a, b in [-1, 1] (n, 3, height, width) to sRGB in [-1, 1]; what sRGB lacks is cut to its range."""
    lightness, a, b = lab.float().unbind(1)
    y = ((lightness + 1) * 50 + 16) / 116
    roots = torch.stack((y + a * SCALE / 500, y, y - b * SCALE / 200), 1)
    ratios = torch.where(roots > KNEE, roots**3, (roots - 4 / 29) * (3 * KNEE**2))
    linear = torch.einsum("ij,njhw->nihw", FROM_XYZ.to(ratios), ratios).clamp(0, 1)
    encoded = torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)
    return encoded * 2 - 1
