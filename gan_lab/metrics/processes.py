"""Several processes that measure together: each brings its share, all get the whole."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors


def several() -> bool:
    """Whether torch.distributed runs more than this process."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def gathered(share: Tensor) -> Tensor:
    """The rows (n, ...) of all processes from each one's share (m, ...), the same on every process.

    Shares may differ in length, and be empty. Where process r of w brought rows r, r + w, r + 2w, ... of something,
    they come out in the order they had there: what is measured then is what one process would have measured.
    """
    if not several():
        return share
    shares = gather_all_tensors(share)
    places = [torch.arange(len(part)) * len(shares) + rank for rank, part in enumerate(shares)]
    order = torch.cat(places).argsort().to(share.device)
    return torch.cat(shares)[order]


@contextmanager
def first_alone() -> Iterator[None]:
    """Let the first process through alone, and the others after it: they find on disk what it has put there."""
    if several() and dist.get_rank() != 0:
        dist.barrier()
        yield
        return
    try:
        yield
    finally:
        if several():
            dist.barrier()
