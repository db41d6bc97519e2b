"""What the players minimise: pure functions of scores.

Scores are logits, shape (batch, ...), any real number; every loss is a scalar, the mean over the scores.
V below is the value function of Goodfellow et al. 2014, equation 1, with D = sigmoid(logit):

    V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))]

`softplus(a) = log(1 + exp(a))` keeps every form exact where `log(sigmoid(a))` would be infinite.
"""

from dataclasses import dataclass
from typing import Annotated, Protocol

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor


class Objective(Protocol):
    """The pair of losses that makes a game."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss from its scores of real and of generated images."""
        ...

    def generator(self, fake: Tensor) -> Tensor:
        """The generator's loss from the scores of its images."""
        ...


@dataclass(frozen=True, kw_only=True)
class Minimax:
    """The zero-sum game: the discriminator ascends V and the generator descends it ("saturating").

    Goodfellow et al. 2014, Generative Adversarial Nets, equation 1 (arXiv:1406.2661).

    Args:
        label_smoothing: what is taken from the target 1 of real images; generated ones keep the target 0.
            One-sided label smoothing, Salimans et al. 2016, section 3.4 (arXiv:1606.03498).
    """

    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)]

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """-E[(1 - s) log D(x) + s log(1 - D(x))] - E[log(1 - D(G(z)))], with s the smoothing."""
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        if self.label_smoothing:
            # (1 - s) softplus(-a) + s softplus(a) = softplus(-a) + s a
            loss = loss + self.label_smoothing * real.mean()
        return loss

    def generator(self, fake: Tensor) -> Tensor:
        """E[log(1 - D(G(z)))]: the gradient vanishes where the discriminator is sure."""
        return -F.softplus(fake).mean()


@dataclass(frozen=True, kw_only=True)
class NonSaturating(Minimax):
    """The generator ascends log D(G(z)) instead: same fixed point, strong gradients from the start.

    Goodfellow et al. 2014, section 3, below equation 1 (arXiv:1406.2661).
    """

    def generator(self, fake: Tensor) -> Tensor:
        """-E[log D(G(z))]."""
        return F.softplus(-fake).mean()
