"""Gradient penalties: terms that keep a discriminator smooth in its input images.

A penalty says at which images the gradient is taken, and what the gradient costs. With g the gradient of the logit C
with respect to an image, the norm |g| is taken over all of the image's dimensions, and the penalty is the mean over the
batch. Logits of an image must not depend on other images: no batch norm in the discriminator.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from gan_lab.utils import per_image
from gan_lab.utils.precision import Precision, computing_in, full_precision
from gan_lab.utils.types import PositiveInt

EPS = 1e-12  # under the root, whose slope at zero would be infinite
Positive = Annotated[float, Field(gt=0.0)]


@dataclass(frozen=True, kw_only=True)
class Penalty(ABC):
    """A term of the discriminator's loss.

    Args:
        every: 1 adds it to the loss of each discriminator step. From 2 on it is lazy: after every n-th step it takes a
            step of its own, with n times its weight (Karras et al. 2020, appendix B, arXiv:1912.04958).
    """

    every: PositiveInt = 1

    @abstractmethod
    def sample_points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Images at which the gradient is taken, of the shape of `real` and `fake`, (batch, ...)."""

    @abstractmethod
    def penalty(self, gradients: Tensor) -> Tensor:
        """Scalar that is added to the loss, from input gradients (batch, ...)."""


def has_gamma(penalty: Penalty) -> bool:
    """True where a penalty's weight is a gamma, which a schedule can replace."""
    return any(field.name == "gamma" for field in fields(penalty))


def input_gradients(
    critic: Callable[[Tensor], Tensor], images: Tensor, precision: Precision = "32-true"
) -> tuple[Tensor, Tensor]:
    """Logits of images, and the gradient of each image's logit, the mean of its patches', with respect to the image.

    Both are part of the graph. Gradients are in float32 or better, which half precision inside the critic rounds.

    Args:
        critic: maps images (batch, ...) to logits (batch, ...), each image's by itself.
        images: (batch, ...); no gradient flows back into them.
        precision: of the critic, whatever surrounds it.

    Returns:
        Logits (batch, ...) and gradients of the shape of the images.
    """
    leaf = images.detach()
    leaf = (leaf.float() if leaf.dtype in (torch.bfloat16, torch.float16) else leaf).requires_grad_()
    with torch.enable_grad():
        with computing_in(precision, leaf.device):
            logits = critic(leaf)
        with full_precision(leaf.device):  # backward runs in the precisions of the forward
            (gradients,) = torch.autograd.grad(logits.reshape(len(logits), -1).mean(1).sum(), leaf, create_graph=True)
    return logits, gradients


def squared_norm(gradients: Tensor) -> Tensor:
    """|g|^2 of each image, shape (batch,)."""
    return gradients.flatten(1).square().sum(1)


@dataclass(frozen=True, kw_only=True)
class GradientPenalty(Penalty):
    """Gradients of norm 1 between real and generated images, as in WGAN-GP.

    Gulrajani et al. 2017, equation 3 and algorithm 1 (arXiv:1704.00028): weight * E[(|g| - 1)^2] at
    e x + (1 - e) G(z), with e uniform in [0, 1], one for each pair of images.
    """

    weight: Positive

    def sample_points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Random points on the lines between the i-th real and the i-th generated image."""
        share = per_image.rand(len(real), *[1] * (real.dim() - 1), like=real)
        return torch.lerp(fake.to(real.dtype), real, share)

    def penalty(self, gradients: Tensor) -> Tensor:
        """The weighted mean of (|g| - 1)^2."""
        return self.weight * ((squared_norm(gradients) + EPS).sqrt() - 1).square().mean()


@dataclass(frozen=True, kw_only=True)
class DRAGAN(GradientPenalty):
    """Gradients of norm 1 around real images.

    Kodali et al. 2017, section 2.3 (arXiv:1705.07215): weight * E[(|g| - 1)^2] at x + d, with d normal.

    Args:
        weight: of the penalty.
        noise: standard deviation of d in units of the image range [-1, 1]. The authors' code adds noise that is uniform
            between 0 and half the standard deviation of a batch's pixels, 0.31 for MNIST; a constant does not depend on
            how batches are divided between processes.
    """

    noise: Positive

    def sample_points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Real images under noise."""
        return real + self.noise * per_image.randn(*real.shape, like=real)


@dataclass(frozen=True, kw_only=True)
class R1(Penalty):
    """Gradients of zero at real images: gamma / 2 * E[|g|^2] at x.

    Mescheder et al. 2018, equation 9 (arXiv:1801.04406).
    """

    gamma: Positive

    def sample_points(self, real: Tensor, fake: Tensor) -> Tensor:
        """The real images."""
        return real

    def penalty(self, gradients: Tensor) -> Tensor:
        """gamma / 2 times the mean of |g|^2."""
        return self.gamma / 2 * squared_norm(gradients).mean()


@dataclass(frozen=True, kw_only=True)
class R2(R1):
    """Gradients of zero at generated images: gamma / 2 * E[|g|^2] at G(z).

    Mescheder et al. 2018, equation 10 (arXiv:1801.04406).
    """

    def sample_points(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generated images."""
        return fake
