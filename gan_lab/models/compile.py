"""Networks compiled where they stand, so that parameters, and their names in checkpoints, stay what they are."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def compile_in_place(*networks: nn.Module) -> None:
    """Have torch compile the networks at their first call.

    Batches of a run are all of one size, so code is made for just that size. What is compiled already stays so.
    """
    if not all(is_compiled(network) for network in networks):
        torch.compiler.reset()  # what earlier runs of this process compiled counts towards torch's limit
        for network in networks:
            network.compile(dynamic=False)


def is_compiled(network: nn.Module) -> bool:
    """True where calling the network runs compiled code."""
    return network._compiled_call_impl is not None


@contextmanager
def eager(network: nn.Module) -> Iterator[None]:
    """Calls of the network in here run as they are written.

    For gradients of gradients, which compiled code has none of, and for calls that aren't worth code of their own: each
    mode and size other than training's would be compiled anew.
    """
    if is_compiled(network):
        with torch.compiler.set_stance("force_eager"):
            yield
    else:
        yield
