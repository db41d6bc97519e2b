"""Float32 inside a surrounding autocast."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def full_precision(device: torch.device, *, reproducible: bool = False) -> Iterator[None]:
    """Compute without autocast on a device.

    Args:
        device: on which the context computes.
        reproducible: keep cuDNN's TF32, which is on by default, and its non-deterministic kernels out as well.
    """
    with ExitStack() as stack:
        if torch.amp.is_autocast_available(device.type):
            stack.enter_context(torch.autocast(device.type, enabled=False))
        if reproducible and device.type == "cuda":
            flags = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
            stack.enter_context(flags)
        yield
