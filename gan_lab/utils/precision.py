"""Autocast: off inside of one that is on, and bfloat16 whatever is around."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch

Precision = Literal["32-true", "bf16-mixed"]  # Lightning's names


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Compute without autocast on a device; torch can compile what is inside, as it could not with a generator."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def computing_in(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Compute in float32, or under autocast to bfloat16, whatever autocast is around.

    One to float16 is left with its own cache of weights, of which torch has a single one.
    """
    if precision == "bf16-mixed" and torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
    return full_precision(device)


@contextmanager
def reproducible_precision(device: torch.device) -> Iterator[None]:
    """Compute without autocast, and without cuDNN's TF32, which is on by default, and non-deterministic kernels."""
    with full_precision(device):
        if device.type != "cuda":
            yield
            return
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            yield
