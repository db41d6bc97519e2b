"""Exponential moving average (EMA) of a generator, whose samples are better than those of any of its single states."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn


class MovingAverage(nn.Module):
    """A frozen copy of a network that follows it, exponentially forgetting.

    Karras et al. 2018, appendix A.1 (arXiv:1710.10196). Weights and the running statistics of batch norm are averaged,
    other buffers are the network's latest.

    Args:
        network: the one that is followed.
        half_life: images that the network learns from until an earlier state counts half; with 0 the average is the
            network's latest state. A schedule may set another one before each step.
    """

    def __init__(self, network: nn.Module, half_life: float) -> None:
        super().__init__()
        self.network = deepcopy(network).requires_grad_(False).eval()
        self.half_life = half_life
        self.pairs: tuple[list[Tensor], list[Tensor]] = [], []
        self.copies: list[tuple[Tensor, Tensor]] = []

    def watch(self, network: nn.Module) -> None:
        """Look up what is averaged once, now that both networks are on the device they train on."""
        own, now = dict(self.network.state_dict(keep_vars=True)), dict(network.state_dict(keep_vars=True))
        parameters = dict(network.named_parameters())
        averaged = [name for name in own if name in parameters or "running_" in name]
        self.pairs = [own[name].data for name in averaged], [now[name].data for name in averaged]
        self.copies = [(own[name], now[name]) for name in own if name not in averaged]

    @torch.no_grad()
    def follow(self, images: int) -> None:
        """Move towards the watched network, which has just learned from so many images."""
        torch._foreach_lerp_(*self.pairs, 1 - 0.5 ** (images / self.half_life) if self.half_life > 0 else 1.0)
        for own, now in self.copies:
            own.copy_(now)

    def train(self, mode: bool = True) -> "MovingAverage":
        """Stay in evaluation mode: the average is never trained."""
        return self

    def forward(self, *inputs: Tensor, **options: Any) -> Any:
        """The averaged network's output."""
        return self.network(*inputs, **options)
