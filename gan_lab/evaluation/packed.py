"""Packed datasets: a .npz file of images, and their labels where they have some."""

from io import BytesIO

import numpy as np
from torch import Tensor


def content(images: Tensor, labels: Tensor | None) -> bytes:
    """The content of a .npz file: `images` uint8 (n, height, width, channels), `labels` int64 (n,) if there are any.

    Args:
        images: uint8, shape (n, channels, height, width).
        labels: int64, shape (n,), or None.
    """
    arrays = {"images": np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())}
    if labels is not None:
        arrays["labels"] = labels.numpy()
    file = BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()
