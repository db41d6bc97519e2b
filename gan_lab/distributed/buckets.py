"""Gradients averaged over the processes, beginning while the backward pass still computes others."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gan_lab.utils.errors import UserError

BUCKET = 25 << 20  # bytes of gradients that are exchanged at once, at most, unless one alone has more


class Exchange(NamedTuple):
    """Gradients of a bucket on their way.

    Args:
        flat: all of them, and then for each whether it is there: of this process, and in the end the sum of all.
        missing: places in the bucket of those that this process lacks.
        work: to wait for.
    """

    flat: Tensor
    missing: list[int]
    work: dist.Work


class Buckets:
    """Replaces each gradient by its mean over the processes, in place; a missing one counts as zero.

    The last parameters come first, as a backward pass gets to them. While `filling` is entered a bucket is exchanged as
    soon as it is full and those before it are on their way: all processes exchange them in the same order, whichever
    gradients each of them has. A single bucket, as small networks have it, is exchanged after the backward pass.

    A gradient that is missing on all processes stays missing, as it would in one process. The exchange tells by the
    way which ones are there; only a process that lacks some looks, and waits for its device.

    Args:
        parameters: whose gradients are averaged.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.buckets: list[list[nn.Parameter]] = []
        room = 0
        for parameter in reversed(parameters):
            if parameter.nbytes > room or parameter.dtype != self.buckets[-1][0].dtype:
                self.buckets.append([])
                room = BUCKET
            self.buckets[-1].insert(0, parameter)
            room -= parameter.nbytes
        self.awaited: list[set[nn.Parameter]] = []  # of each bucket, in a backward pass
        self.under_way: list[Exchange] = []

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Exchange buckets while the backward pass in this block, the last one of a step, fills them.

        Raises:
            UserError: a gradient comes in two parts, of which the first may have been sent.
        """
        if len(self.buckets) < 2:
            yield
            return
        self.awaited, self.under_way = [set(bucket) for bucket in self.buckets], []
        handles = [
            parameter.register_post_accumulate_grad_hook(partial(self._arrived, awaited))  # type: ignore[no-untyped-call]
            for bucket, awaited in zip(self.buckets, self.awaited, strict=True)
            for parameter in bucket
            if parameter.requires_grad
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def average(self) -> None:
        """Exchange what is not on its way yet, and put the means in the gradients' places."""
        for bucket in self.buckets[len(self.under_way) :]:
            self._send(bucket)
        for bucket, (flat, missing, work) in zip(self.buckets, self.under_way, strict=True):
            work.wait()
            flat /= dist.get_world_size()
            *means, there = torch.split(flat, [*(parameter.numel() for parameter in bucket), len(bucket)])
            shares = there.tolist() if missing else []
            for place in missing:
                if shares[place] > 0:
                    bucket[place].grad = torch.empty_like(bucket[place])
            known = [(p.grad, mean.view_as(p)) for p, mean in zip(bucket, means, strict=True) if p.grad is not None]
            if known:
                torch._foreach_copy_([gradient for gradient, _ in known], [mean for _, mean in known])
        self.under_way = []

    @torch.no_grad()
    def _arrived(self, awaited: set[nn.Parameter], parameter: nn.Parameter) -> None:
        if parameter not in awaited:
            raise UserError(
                "with several processes a backward pass must bring each gradient once: use "
                "torch.utils.checkpoint with use_reentrant=False"
            )
        awaited.remove(parameter)
        while len(self.under_way) < len(self.buckets) and not self.awaited[len(self.under_way)]:
            self._send(self.buckets[len(self.under_way)])

    def _send(self, bucket: list[nn.Parameter]) -> None:
        missing = [place for place, parameter in enumerate(bucket) if parameter.grad is None]
        there = torch.ones(len(bucket), dtype=bucket[0].dtype, device=bucket[0].device)
        if missing:
            there[missing] = 0
        gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in bucket]
        flat = torch.cat([gradient.reshape(-1) for gradient in (*gradients, there)])
        self.under_way.append(Exchange(flat, missing, dist.all_reduce(flat, async_op=True)))
