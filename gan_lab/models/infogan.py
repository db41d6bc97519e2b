"""InfoGAN (Chen et al. 2016, arXiv:1606.03657): codes that a part of the discriminator can read off the image."""

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.models.player import Terms
from gan_lab.models.turns import Condition
from gan_lab.models.two_players import Extras, Kind, Outputs
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.utils import per_image
from gan_lab.utils.batches import AnyBatch
from gan_lab.utils.types import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


class InfoGAN(VanillaGAN):
    """The plain game, in which a generated image must tell the codes that it was made from. No labels are needed.

    A latent is noise z, one of `categories` as one-hot, and `continuous` values, uniform in [-1, 1]. Q(c|x), a head on
    the discriminator's body, reads the codes. G and Q minimise V - lambda L_I (equation 6), where L_I is E[log Q(c|x)]
    plus the codes' constant entropy (equation 5). Q is a factored Gaussian for the values, of variance 1 as in the
    authors' code for MNIST: -log Q is half the squared error but for a constant.

    The head belongs to the discriminator, whose parameters are frozen while the generator learns. So the generator's
    turn moves G alone, and the discriminator's turn descends the same terms on the same images, without a way back to
    G: it moves Q's head and the body that both share. The authors' code does so, too.

    Args:
        network: players that know nothing of codes; the generator takes latents of size latent_dim + categories +
            continuous.
        heads: adds a head `codes` to the discriminator: (batch, categories + continuous), logits and then means.
        categories: what the categorical code is one of.
        continuous: how many values there are.
        category_weight: lambda of the categorical code.
        continuous_weight: lambda of the values.

    Raises:
        ValueError: there are fewer than two categories, or the generator mixes styles.
    """

    def __init__(
        self,
        *,
        heads: Callable[[nn.Module], nn.Module],
        categories: PositiveInt,
        continuous: NonNegativeInt,
        category_weight: PositiveFloat,
        continuous_weight: NonNegativeFloat,
        network: dict[str, nn.Module],
        **options: Any,
    ) -> None:
        if categories < 2:
            raise ValueError("one category says nothing: set model.categories to 2 or more")
        if getattr(network["generator"], "mixing", 0):
            raise ValueError(
                "an image of two latents has no codes of its own, so InfoGAN's generator can't mix styles: set "
                "model.network.generator.mixing=0"
            )
        super().__init__(network={**network, "discriminator": heads(network["discriminator"])}, **options)
        self.categories = categories
        self.continuous = continuous
        self.category_weight = category_weight
        self.continuous_weight = continuous_weight

    def unpack_batch(self, batch: AnyBatch) -> tuple[Tensor, Condition]:
        """Real images, and fresh codes (batch, categories + continuous) of the images that will be generated."""
        images, _ = super().unpack_batch(batch)
        return images, (self.sample_codes(len(images)),)

    def generate(self, real: Tensor, condition: Condition) -> Tensor:
        """Generated images of the codes, from fresh noise."""
        noise = super().sample_latents(len(real))
        return cast(Tensor, self.generator(torch.cat((noise, *condition), 1)))

    def sample_codes(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Codes (count, categories + continuous): a category, one-hot, and values uniform in [-1, 1].

        Args:
            count: how many.
            generator: as `sample_latents` has it.
        """
        like = torch.empty(0, device=self.device, dtype=cast(torch.dtype, self.dtype))
        if generator is None:
            category = per_image.randint(self.categories, count, like=like)
            values = per_image.rand(count, self.continuous, like=like)
        else:
            drawn = torch.randint(self.categories, (count,), generator=generator, device=generator.device)
            category = drawn.to(self.device)
            values = torch.rand(count, self.continuous, generator=generator, device=generator.device).to(like)
        return torch.cat((F.one_hot(category, self.categories).to(like), 2 * values - 1), 1)

    def sample_latents(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Noise and codes (count, latent_dim + categories + continuous)."""
        return torch.cat((super().sample_latents(count, generator), self.sample_codes(count, generator)), 1)

    def outputs(self, images: Tensor, condition: Condition) -> Outputs:
        """Logits, and what Q says of the codes; nobody is told these."""
        return super().outputs(images, ())

    def head_terms(self, kind: Kind, extras: Extras, condition: Condition) -> Terms:
        """-log Q of the codes of generated images, each kind of code with its weight and without constants."""
        if kind == "real":
            return {}
        (codes,) = condition
        logits, means = extras["codes"][:, : self.categories], extras["codes"][:, self.categories :]
        category, values = codes[:, : self.categories], codes[:, self.categories :]
        terms = {"category": self.category_weight * F.cross_entropy(logits, category.argmax(1))}
        if self.continuous and self.continuous_weight:
            terms["continuous"] = self.continuous_weight * (values - means).square().sum(1).mean() / 2
        return terms

    def make_condition(self, count: int, label: int | None = None) -> Condition:
        """Categories (count,) for `sample`, all of one; without a label none, since latents bring their codes along.

        Raises:
            ValueError: there is no such category.
        """
        if label is None:
            return ()
        if not 0 <= label < self.categories:
            raise ValueError(f"there is no category {label}: the run has 0 to {self.categories - 1}")
        return (torch.full((count,), label, device=self.device),)

    def sample(self, latents: Tensor, *condition: Tensor, ema: bool = True, truncation: float | None = None) -> Tensor:
        """Images in [-1, 1] for latents of noise and codes; categories (batch,), where given, replace the latents'."""
        for categories in condition:
            noise, values = latents[:, : self.latent_dim], latents[:, self.latent_dim + self.categories :]
            latents = torch.cat((noise, F.one_hot(categories, self.categories).to(latents), values), 1)
        return super().sample(latents, ema=ema, truncation=truncation)

    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """One row for each category, whatever `rows` says, with the same noise and values down a column.

        The first columns differ in all of their noise and values. Then the values are moved one after the other from -1
        to 1, in equally many columns, while the others are 0 and the noise is that of the first column.
        """
        steps = columns // (1 + self.continuous)
        latents = self.seeded_latents(columns, seed)
        for value in range(self.continuous):
            moved = slice(columns - (self.continuous - value) * steps, columns - (self.continuous - value - 1) * steps)
            latents[moved, : self.latent_dim] = latents[0, : self.latent_dim]
            latents[moved, -self.continuous :] = 0
            latents[moved, value - self.continuous] = torch.linspace(-1, 1, steps).to(latents)
        categories = torch.arange(self.categories, device=self.device).repeat_interleave(columns)
        return self.sample(latents.repeat(self.categories, 1), categories, ema=ema), columns
