"""Batches on their way to a CUDA device, one ahead: a copy runs beside what the device computes meanwhile.

What lies on the device, as datasets that fit do, is indexed there, and nothing is copied.
"""

from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor

from gan_lab.utils.batches import Batch, map_tensors

CPU = torch.device("cpu")


def fed(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """Yield batches where they are trained on; those for another kind of device than CUDA as they are."""
    if device.type != "cuda":
        return batches
    copies = copies_to(device)
    return one_ahead(batches, copies.needed, copies.start)


def one_ahead(
    batches: Iterator[Batch], needed: Callable[[Batch], bool], start: Callable[[Batch], Callable[[], Batch]]
) -> Iterator[Batch]:
    """Yield batches, the copy of each begun before the batch ahead of it is handed out.

    Args:
        batches: to copy, of which one more than needed may be taken.
        needed: tells whether a batch has to be copied.
        start: begins a copy, and returns what gives it once it is there.
    """
    arrive: Callable[[], Batch] | None = None
    for batch in batches:
        if not needed(batch):
            yield batch
            continue
        following = start(batch)
        if arrive is not None:
            yield arrive()
        arrive = following
    if arrive is not None:
        yield arrive()


class Copies:
    """Copies from memory that the device reads by itself, on a stream of their own.

    Args:
        device: to copy to, by CUDA.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def needed(self, batch: Batch) -> bool:
        """Tell whether a part of a batch lies elsewhere."""
        return any(part.device != self.device for part in batch)

    def start(self, batch: Batch) -> Callable[[], Batch]:
        """Begin to copy a batch, and return what gives it to the stream of whoever calls that; nothing waits.

        torch keeps pinned memory from being used again before a copy from it has ended.
        """

        def copy(part: Tensor) -> Tensor:
            return part if part.is_cuda else part.pin_memory().to(self.device, non_blocking=True)

        with torch.cuda.stream(self.stream):
            there = map_tensors(copy, batch)
        ended = self.stream.record_event()

        def arrive() -> Batch:
            stream = torch.cuda.current_stream(self.device)
            stream.wait_event(ended)
            for part in there:
                part.record_stream(stream)  # else its memory would be free for the next copy too early
            return there

        return arrive


@cache  # freed memory stays with its stream, so further epochs use the same one
def copies_to(device: torch.device) -> Copies:
    """The copies to a device."""
    return Copies(device)
