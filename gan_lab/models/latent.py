"""Generators that map latents to images."""

from functools import partial
from inspect import signature
from typing import Any, cast

import torch
from torch import Tensor

from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.turns import Condition
from gan_lab.models.two_players import evaluating
from gan_lab.utils import chunks, per_image, seeding
from gan_lab.utils.types import PositiveInt

BLOCK = 16  # latents drawn by one generator


class LatentGAN(AdversarialModule):
    """A generator that maps standard normal latents z (batch, latent_dim) to images, and a discriminator of images.

    Args:
        latent_dim: size of the latent.
    """

    def __init__(self, *, latent_dim: PositiveInt, **options: Any) -> None:
        super().__init__(**options)
        self.latent_dim = latent_dim

    def generate(self, real: Tensor, condition: Condition) -> Tensor:
        """Generated images, one for each real image, from fresh latents."""
        return cast(Tensor, self.generator(self.sample_latents(len(real)), *condition))

    def sample_latents(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Standard normal latents (count, latent_dim), on the device and in the precision of the model.

        A variant with another prior overrides this.

        Args:
            count: how many.
            generator: draws on the CPU, so that every kind of device gets the same numbers; None takes the device's
                default generator, which a training step seeds.
        """
        dtype = cast(torch.dtype, self.dtype)
        if generator is None:
            return per_image.own(lambda n: torch.randn(n, self.latent_dim, device=self.device, dtype=dtype), count)
        drawn = torch.randn(count, self.latent_dim, generator=generator, device=generator.device)
        return drawn.to(self.device, dtype)

    def seeded_latents(self, count: int, seed: int, first: int = 0) -> Tensor:
        """Latents (count, latent_dim), from the index `first` on, each a function of the seed and its index alone.

        They are drawn in blocks of one size, each by a generator of its own. One generator for all would not do: torch
        draws the last values anew where their number is no multiple of 16.
        """
        blocks = range(first // BLOCK, -(-(first + count) // BLOCK))
        generators = (torch.Generator().manual_seed(seeding.derive(seed, "block", block)) for block in blocks)
        return torch.cat([self.sample_latents(BLOCK, generator) for generator in generators])[first % BLOCK :][:count]

    @property
    def truncates_styles(self) -> bool:
        """True where truncation draws styles to their mean, from 0 to 1, and False where it cuts latents off."""
        inside = getattr(self.generator, "generator", self.generator)  # of one that takes labels
        return "truncation" in signature(inside.forward).parameters

    def truncate(self, latents: Tensor, limit: float) -> Tensor:
        """Latents of a normal distribution that is cut off at -limit and limit, from those of one that is not.

        Each value keeps its rank, which is its place in the distribution: no draw is repeated, so that an index decides
        its latent here, too. A variant with another prior overrides this.

        Args:
            latents: (batch, latent_dim or more), of which the first latent_dim values are normal.
            limit: largest value; 0 gives zeros.

        Raises:
            ValueError: it is negative.
        """
        if not limit >= 0:
            raise ValueError("must be 0 or more")
        values = latents[:, : self.latent_dim].cpu().double()  # Apple's GPUs have no float64
        end = torch.special.ndtr(torch.tensor(-limit, dtype=torch.float64))
        ranks = torch.special.ndtr(-values.abs())  # of the lower half, where small ones keep their digits
        cut = torch.copysign(torch.special.ndtri(end + ranks * (1 - 2 * end)).clamp(-limit, 0), values).to(latents)
        return torch.cat((cut, latents[:, self.latent_dim :]), 1)

    def sample(self, latents: Tensor, *condition: Tensor, ema: bool = True, truncation: float | None = None) -> Tensor:
        """Images in [-1, 1] for latents (batch, latent_dim), in evaluation mode and without gradients.

        Args:
            latents: (batch, latent_dim).
            condition: as `make_condition` makes it.
            ema: the generator's moving average makes the images where there is one; False takes the generator as it is.
            truncation: images are more alike and better the lower it is; None leaves them as they are. Of styles it is
                the distance from the mean style as a share of what it was, from 0 to 1. Other generators get latents of
                a normal distribution that is cut off there, at both sides (Brock et al. 2019, section 3.1,
                arXiv:1809.11096). The mean style of a conditional generator is that of all classes.

        Raises:
            ValueError: it is negative, or above 1 for styles.
        """
        options: dict[str, Any] = {}
        if truncation is not None and self.truncates_styles:
            if not 0 <= truncation <= 1:
                raise ValueError("must be from 0 to 1, a share of the distance from the mean style")
            options["truncation"] = truncation
        elif truncation is not None:
            latents = self.truncate(latents, truncation)
        with evaluating(self.sampling_network(ema)) as network, torch.no_grad():
            images: Tensor = chunks.applied(network, latents, *condition, by=partial(network, **options))
        return images

    def make_condition(self, count: int, label: int | None = None) -> Condition:
        """Condition for `sample`-ing so many images: here, none.

        Raises:
            ValueError: a label is given to a model without labels.
        """
        if label is not None:
            raise ValueError(f"{type(self).__name__} knows no classes; model=cgan does")
        return ()

    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """Samples of the same latents at every call."""
        return self.sample(self.seeded_latents(rows * columns, seed), ema=ema), columns
