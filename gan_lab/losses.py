"""Losses of both players: pure functions of the discriminator's logits.

Logits have the shape (batch, ...) and may be any real number; every loss is a scalar, the mean over the logits.
Below, x is a real image, G(z) a generated one, C(.) its logit and D(.) = sigmoid(C(.)); in the code, `real` are the
logits C(x) and `fake` the logits C(G(z)). V is the value function of Goodfellow et al. 2014, equation 1:

    V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))]

`softplus(a) = log(1 + exp(a))` keeps every form exact where `log(sigmoid(a))` would be infinite.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor


class Objective(ABC):
    """The pair of losses that makes a game."""

    relativistic: ClassVar[bool] = False  # whether the generator's loss compares with the logits of real images
    decision_threshold: ClassVar[float | None] = 0.0  # a logit above says "real"; None where only differences count

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss from its logits of real and of generated images."""

    @abstractmethod
    def generator(self, fake: Tensor, *real: Tensor) -> Tensor:
        """The generator's loss from logits of generated images and, where the loss is relativistic, of real ones."""

    def diagnostics(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Scalars by name for the logs: by default, the share of images on the right side of the decision threshold."""
        if self.decision_threshold is None:
            return {}
        return {
            "accuracy/real": (real > self.decision_threshold).float().mean(),
            "accuracy/fake": (fake < self.decision_threshold).float().mean(),
        }


@dataclass(frozen=True, kw_only=True)
class Minimax(Objective):
    """The zero-sum game: the discriminator ascends V and the generator descends it ("saturating").

    Goodfellow et al. 2014, Generative Adversarial Nets, equation 1 (arXiv:1406.2661).

    Args:
        label_smoothing: share that is taken from the target 1 of real images; generated ones keep the target 0.
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

    def generator(self, fake: Tensor, *real: Tensor) -> Tensor:
        """E[log(1 - D(G(z)))]: the gradient vanishes where the discriminator is sure."""
        return -F.softplus(fake).mean()


@dataclass(frozen=True, kw_only=True)
class NonSaturating(Minimax):
    """The generator ascends log D(G(z)) instead: same fixed point, strong gradients from the start.

    Goodfellow et al. 2014, section 3, below equation 1 (arXiv:1406.2661).
    """

    def generator(self, fake: Tensor, *real: Tensor) -> Tensor:
        """-E[log D(G(z))]."""
        return F.softplus(-fake).mean()


class LeastSquares(Objective):
    """LSGAN: logits are pulled to 1 for real and to 0 for generated images, by the generator to 1.

    Mao et al. 2017, Least Squares Generative Adversarial Networks, equation 9 (arXiv:1611.04076).
    """

    decision_threshold = 0.5

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E[(C(x) - 1)^2] / 2 + E[C(G(z))^2] / 2."""
        return ((real - 1).square().mean() + fake.square().mean()) / 2

    def generator(self, fake: Tensor, *real: Tensor) -> Tensor:
        """E[(C(G(z)) - 1)^2] / 2."""
        return (fake - 1).square().mean() / 2


class Hinge(Objective):
    """The discriminator learns from the images that it does not tell apart by a margin of 1.

    Lim and Ye 2017, Geometric GAN (arXiv:1705.02894); as in Miyato et al. 2018, equations 16 and 17 (arXiv:1802.05957).
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E[max(0, 1 - C(x))] + E[max(0, 1 + C(G(z)))]."""
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, fake: Tensor, *real: Tensor) -> Tensor:
        """-E[C(G(z))]."""
        return -fake.mean()


class Wasserstein(Objective):
    """The critic estimates the earth mover's distance: its loss, negated, if it is 1-Lipschitz.

    Nothing here makes it so: that takes clipped weights or a gradient penalty.
    Arjovsky et al. 2017, Wasserstein GAN, equations 2 and 3 (arXiv:1701.07875).
    """

    decision_threshold = None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E[C(G(z))] - E[C(x)]."""
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor, *real: Tensor) -> Tensor:
        """-E[C(G(z))]."""
        return -fake.mean()

    def diagnostics(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """E[C(x)] - E[C(G(z))]: the distance if the critic is 1-Lipschitz, else a multiple of it."""
        return {"wasserstein_estimate": real.mean() - fake.mean()}


class RelativisticPairing(Objective):
    """RpGAN: only the difference between the logits of a real and of a generated image counts.

    Jolicoeur-Martineau 2018, section 4.1 (arXiv:1807.00734), named so in arXiv:1901.02474; equation 2 of Huang et al.
    2024 (arXiv:2501.05441), who prefer it because dropping modes is no local minimum of it. The i-th real and the i-th
    generated image make a pair.
    """

    relativistic = True
    decision_threshold = None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """E[softplus(-(C(x) - C(G(z))))]."""
        return F.softplus(fake - real).mean()

    def generator(self, fake: Tensor, *real: Tensor) -> Tensor:
        """E[softplus(-(C(G(z)) - C(x)))]."""
        (real_logits,) = real
        return F.softplus(real_logits - fake).mean()

    def diagnostics(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Share of pairs in which the real image has the higher logit."""
        return {"accuracy/pairs": (real > fake).float().mean()}
