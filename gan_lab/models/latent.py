"""Generators that draw from noise."""

from typing import Any, cast

import torch
from torch import Tensor

from gan_lab.models.adversarial import AdversarialModule, Condition, evaluating
from gan_lab.utils import seeding
from gan_lab.utils.types import PositiveInt


class LatentGAN(AdversarialModule):
    """A generator that maps standard normal latents z (batch, latent_dim) to images, and a discriminator of images.

    Args:
        latent_dim: size of the latent.
    """

    def __init__(self, *, latent_dim: PositiveInt, **options: Any) -> None:
        super().__init__(**options)
        self.latent_dim = latent_dim

    def generate(self, real: Tensor, condition: Condition) -> Tensor:
        """As many generated images as there are real ones, from fresh latents."""
        latents = torch.randn(len(real), self.latent_dim, device=real.device, dtype=real.dtype)
        return cast(Tensor, self.generator(latents, *condition))

    def sample(self, latents: Tensor, *condition: Tensor, ema: bool = True) -> Tensor:
        """Images in [-1, 1] for latents (batch, latent_dim), drawn in evaluation mode, without gradients.

        By the generator's moving average where there is one; `ema=False` takes the generator as it is.
        """
        with evaluating(self.sampling_network(ema)) as network, torch.no_grad():
            images: Tensor = network(latents, *condition)
        return images

    def make_condition(self, count: int, label: int | None = None) -> Condition:
        """What to `sample` so many images with.

        Raises:
            ValueError: a label is wanted from a model that knows none.
        """
        if label is not None:
            raise ValueError(f"{type(self).__name__} knows no classes; model=cgan does")
        return ()

    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """Samples of the same latents at every call."""
        latents = seeding.normal((rows * columns, self.latent_dim), seed).to(self.device)
        return self.sample(latents, ema=ema), columns
