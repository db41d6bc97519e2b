"""CycleGAN (Zhu et al. 2017, arXiv:1703.10593): translation between two domains without pairs."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from typing_extensions import TypedDict

from gan_lab.models.image_pool import ImagePool
from gan_lab.models.player import Terms
from gan_lab.models.translation import TranslationGAN
from gan_lab.models.turns import Condition
from gan_lab.models.two_players import evaluating
from gan_lab.utils.batches import AnyBatch, TwoDomains
from gan_lab.utils.sizes import height_and_width
from gan_lab.utils.types import ImageSize, NonNegativeFloat, NonNegativeInt, PositiveInt


class ByDomain(TypedDict):
    """A weight for the images of each domain."""

    a: NonNegativeFloat
    b: NonNegativeFloat


class CycleGAN(TranslationGAN):
    """Two games at once, tied together by what must come back.

    Every batch is one tensor, images of domain A and then as many of domain B; `images_seen` counts both. What is
    generated are images of A made from B, then images of B made from A, so real and generated ones stand in the same
    places. Means over both domains are half of the paper's sums over them, for all terms alike.

    Args:
        adversarial_weight: of the objective's loss of the generators. The paper's least squares, E[(D - 1)^2], are
            twice those of LSGAN's equation 9.
        cycle_weight: of |F(G(a)) - a| + |G(F(b)) - b|, mean absolute differences of pixels (equation 2); or one weight
            for each of the two.
        identity_weight: of |F(a) - a| + |G(b) - b| (section 5.2); or one weight for each.
        pool_size: for each domain, how many generated images each process keeps for its discriminator (section 4).
        image_size: of the kept images,
        channels: and how many they have.

    Raises:
        ValueError: an augmentation or a stabiliser that would need one of its own for each domain.
    """

    directions = ("a2b", "b2a")
    images_per_place = 2
    per_rank_state = ("pool_a.", "pool_b.")

    def __init__(
        self,
        *,
        adversarial_weight: NonNegativeFloat,
        cycle_weight: NonNegativeFloat | ByDomain,
        identity_weight: NonNegativeFloat | ByDomain,
        pool_size: NonNegativeInt,
        image_size: ImageSize,
        channels: PositiveInt,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if self.augment is not None and self.augment.needs_absolute_logits:
            raise ValueError(
                "model/augment=ada has one probability, but each of the two domains would need its own: choose "
                "model/augment=diffaugment or none"
            )
        if comparing := [name for name, stabiliser in self.stabilisers() if stabiliser.compares_images]:
            raise ValueError(
                f"model/stabiliser={comparing[0]} compares logits, and those of two discriminators can't be compared: "
                "choose model/stabiliser=bcr or none"
            )
        self.adversarial_weight = adversarial_weight
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.pool_a, self.pool_b = (ImagePool(pool_size, (channels, *height_and_width(image_size))) for _ in range(2))

    def unpack_batch(self, batch: AnyBatch) -> tuple[Tensor, Condition]:
        """Both domains in one tensor (2 batch, channels, height, width).

        Raises:
            ValueError: the batch is not of two domains.
        """
        if not isinstance(batch, TwoDomains):
            raise ValueError("CycleGAN needs images of two domains: choose data=mnist_colors or data=unpaired_folders")
        return torch.cat(batch), ()

    @property
    def has_settled(self) -> bool:
        """True where both image pools are full."""
        full = self.pool_a.filled == self.pool_a.size and self.pool_b.filled == self.pool_b.size
        return full and super().has_settled

    def generate(self, real: Tensor, condition: Condition) -> Tensor:
        """Each image translated into the other domain."""
        fake: Tensor = self.generator(real)
        return fake

    def discriminators(self) -> list[nn.Module]:
        """The discriminator of each domain."""
        return [self.discriminator.get_submodule(domain) for domain in ("a", "b")]

    def shown_fakes(self, fake: Tensor) -> Tensor:
        """Translations of A's and B's images, or earlier ones in their place: the discriminators see a history."""
        a, b = fake.chunk(2)
        return torch.cat((self.pool_a(a), self.pool_b(b)))

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """To convince, to be undone by the other generator, and to leave alone what is in the wanted domain already."""
        terms = {"adversarial": self.adversarial_weight * self.generator_loss(real, fake, condition)}
        if has_weight(self.cycle_weight):
            terms["cycle"] = weighted(self.cycle_weight, (self.generator(fake) - real).abs())
        if has_weight(self.identity_weight):
            terms["identity"] = weighted(self.identity_weight, (self.generator(swapped(real)) - real).abs())
        return terms

    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """A row for each of `rows` held-out images of each domain: a, its translation, and back again; so for b."""
        real, _ = self.unpack_batch(self.held_out(rows))
        with evaluating(self.sampling_network(ema)) as network, torch.no_grad():
            fake = network(real)
            back = network(fake)
        (a, b), (from_b, from_a), (back_a, back_b) = (images.chunk(2) for images in (real, fake, back))
        return torch.stack((a, from_a, back_a, b, from_b, back_b), dim=1).flatten(0, 1), 6

    def translator(self, direction: str = "a2b", ema: bool = True) -> nn.Module:
        """The network of one direction alone: the generator's part of that name."""
        return cast(nn.Module, getattr(super().translator(direction, ema), direction))


def has_weight(weight: NonNegativeFloat | ByDomain) -> bool:
    """True where a term of this weight is worth computing."""
    return any(weight.values()) if isinstance(weight, Mapping) else weight > 0


def weighted(weight: NonNegativeFloat | ByDomain, values: Tensor) -> Tensor:
    """The weighted mean of values (2n, ...) of A, then of B."""
    if isinstance(weight, Mapping):
        a, b = values.chunk(2)
        return (weight["a"] * a.mean() + weight["b"] * b.mean()) / 2
    return weight * values.mean()


def swapped(images: Tensor) -> Tensor:
    """B before A."""
    a, b = images.chunk(2)
    return torch.cat((b, a))
