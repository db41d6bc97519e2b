"""Several processes that train and measure together. With one process alone, nothing here does anything.

Every function but `is_distributed` is a meeting: all processes call it, in the same order.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from platform import node
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from gan_lab.utils.errors import UserError

Made = TypeVar("Made")


def is_distributed() -> bool:
    """True where torch.distributed runs more than this process."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


@torch.no_grad()
def all_reduce_mean(tensors: Sequence[Tensor]) -> None:
    """Replace each tensor by its mean over the processes, in place; one exchange for each kind of number.

    All processes get the same bits.
    """
    if not is_distributed():
        return
    for _, same in groupby(sorted(tensors, key=lambda tensor: str(tensor.dtype)), lambda tensor: tensor.dtype):
        group = list(same)
        flat = torch.cat([tensor.reshape(-1) for tensor in group])
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
        means = torch.split(flat, [tensor.numel() for tensor in group])
        torch._foreach_copy_(group, [mean.view_as(tensor) for mean, tensor in zip(means, group, strict=True)])


def all_reduce_max(number: int) -> int:
    """The highest of the processes' numbers; waits for the others, but for no device."""
    if not is_distributed():
        return number
    here = torch.tensor(number)  # on the CPU, see `UnwrappedDDPStrategy`
    dist.all_reduce(here, dist.ReduceOp.MAX)
    return int(here)


@torch.no_grad()
def mismatched(tensors: Sequence[Tensor]) -> list[int]:
    """The places of those tensors whose bits are not the same on all processes; waits for the device.

    The bits are summed as whole numbers, which is exact in any order: a single one that differs is seen.
    """
    if not is_distributed() or not tensors:
        return []
    sums = torch.stack([as_integers(tensor).sum(dtype=torch.long) for tensor in tensors])
    extremes = torch.cat((sums, ~sums))  # ~ turns the order around: the lowest sum is the highest of these
    dist.all_reduce(extremes, dist.ReduceOp.MAX)
    highest, lowest = extremes[: len(sums)], ~extremes[len(sums) :]
    return (highest != lowest).nonzero().flatten().tolist()


def as_integers(tensor: Tensor) -> Tensor:
    """The same bits read as whole numbers."""
    kinds = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return tensor.detach().view(kinds[tensor.element_size()])


def broadcast(tensors: Sequence[Tensor]) -> None:
    """Give all processes the first one's tensors, in place."""
    if is_distributed():
        for tensor in tensors:
            dist.broadcast(tensor.detach(), 0)


def gather_to_first(values: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Each process's values by rank, those of others on the CPU; the first process gets them, and the others nothing.

    Args:
        values: of the same names, types and shapes on all processes.
    """
    if not is_distributed():
        return [values]
    here = {name: value.detach().cpu().contiguous() for name, value in values.items()}
    if dist.get_rank() != 0:
        for value in here.values():
            dist.gather(value)
        return []
    everyones = [{name: torch.empty_like(value) for name, value in here.items()} for _ in range(dist.get_world_size())]
    for name, value in here.items():
        dist.gather(value, [each[name] for each in everyones])
    return [values, *everyones[1:]]


def gather_rows(share: Tensor) -> Tensor:
    """The rows (n, ...) of all processes from each one's share (m, ...), the same on every process.

    Shares may differ in length, and be empty. Where process r of w brought rows r, r + w, r + 2w, ... of something,
    they come out in the order they had there: what is measured then is what one process would have measured.
    """
    if not is_distributed():
        return share
    shares = gather_all_tensors(share)
    places = [torch.arange(len(part)) * len(shares) + rank for rank, part in enumerate(shares)]
    order = torch.cat(places).argsort().to(share.device)
    return torch.cat(shares)[order]


@contextmanager
def refusing_together() -> Iterator[None]:
    """Have what one process refuses refused by all of them, which meet at the end of the block.

    Raises:
        UserError: the first refusal, with its process and machine where there are several.
    """
    if not is_distributed():
        yield
        return
    refusals: list[str | None] = [None] * dist.get_world_size()
    refusal = None
    try:
        yield
    except UserError as error:
        refusal = f"process {dist.get_rank()} on {node()}: {error}"
    dist.all_gather_object(refusals, refusal)
    if first := next(filter(None, refusals), None):
        raise UserError(first)


def from_first(make: Callable[[], Made]) -> Made:
    """Make something in the first process alone, and give it to all.

    Raises:
        UserError: the first process has refused.
    """
    if not is_distributed():
        return make()
    made: list[Any] = [None]
    if dist.get_rank() == 0:
        try:
            made = [make()]
        except UserError as error:
            made = [error]
    dist.broadcast_object_list(made)
    if isinstance(made[0], UserError):
        raise made[0]
    return cast(Made, made[0])


@contextmanager
def rank_zero_first() -> Iterator[None]:
    """Let the first process through alone, and the others after it: they find on disk what it has put there."""
    if is_distributed() and dist.get_rank() != 0:
        all_reduce_max(0)
        yield
        return
    try:
        yield
    finally:
        all_reduce_max(0)
