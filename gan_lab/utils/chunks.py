"""Networks applied to any number of images, to as many at a time as memory takes."""

from collections.abc import Callable
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from gan_lab.utils.memory import is_shortage

MOST = 512  # images at a time
_fitting: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()  # images at a time, of networks that got too many


def applied(network: nn.Module, *inputs: Tensor | None, by: Callable[..., Any] | None = None, most: int = MOST) -> Any:
    """Apply a network to images, and to fewer at a time where memory doesn't suffice for so many.

    The number at a time is halved until memory suffices, and stays so for this network. Whoever applies a network to
    images outside of a training step does so through this function.

    Args:
        network: in evaluation mode, so that what it makes of an image doesn't depend on others.
        inputs: (n, ...) each, of which it gets parts; None stays None, but for the first.
        by: called with these parts in place of the network.
        most: images at a time.

    Returns:
        A tensor (n, ...), or a tuple of such where that is what the network returns.

    Raises:
        RuntimeError: memory doesn't suffice for a single image; or a MemoryError.
    """
    call = by or network
    made: list[Any] = []
    start, end = 0, len(cast(Tensor, inputs[0]))
    while start < end or not made:
        count = min(most, _fitting.get(network, most), end - start)
        try:
            parts = (None if given is None else given[start : start + count] for given in inputs)
            made.append(call(*parts))
            start += count
        except (RuntimeError, MemoryError) as error:
            if count < 2 or not is_shortage(error):
                raise
            _fitting[network] = count // 2
        if _fitting.get(network, count) < count:  # here the error is gone, whose frames held tensors
            torch.cuda.empty_cache()
    if len(made) == 1:
        return made[0]
    return (
        torch.cat(made) if isinstance(made[0], Tensor) else tuple(torch.cat(parts) for parts in zip(*made, strict=True))
    )
