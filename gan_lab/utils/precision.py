"""Float32 inside a surrounding autocast."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Compute without autocast on a device; torch can compile what is inside, as it could not with a generator."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


@contextmanager
def reproducible_precision(device: torch.device) -> Iterator[None]:
    """Compute without autocast, and without cuDNN's TF32, which is on by default, and non-deterministic kernels."""
    with full_precision(device):
        if device.type != "cuda":
            yield
            return
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            yield
