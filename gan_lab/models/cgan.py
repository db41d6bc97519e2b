"""Conditional GAN (Mirza and Osindero 2014, arXiv:1411.1784): both players are told the label."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.models.adversarial import Condition
from gan_lab.models.latent import LatentGAN
from gan_lab.utils import seeding
from gan_lab.utils.types import PositiveInt


class CGAN(LatentGAN):
    """Draws what it is asked for.

    The i-th generated image is asked to be of the i-th real one's class. So each class is asked for as often as the
    data has it, and what compares pairs, an interpolating penalty or a relativistic objective, compares like with like.

    Args:
        network: players that know nothing of labels.
        conditioning: for each player, what makes one that is told labels (batch,) out of it.
        num_classes: how many labels there are.

    Raises:
        ValueError: there are not even two.
    """

    def __init__(
        self,
        *,
        network: Mapping[str, nn.Module],
        conditioning: Mapping[str, Callable[[nn.Module], nn.Module]],
        num_classes: PositiveInt,
        **options: Any,
    ) -> None:
        if num_classes < 2:
            raise ValueError("a conditional model needs two classes or more: set data.num_classes to what the data has")
        super().__init__(network={name: conditioning[name](player) for name, player in network.items()}, **options)
        self.num_classes = num_classes

    def unpack_batch(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Condition]:
        """Real images, and their labels for both players."""
        images, _ = super().unpack_batch(batch)
        return images, (batch[1],)

    def make_condition(self, count: int, label: int | None = None) -> Condition:
        """Labels for so many images: the one that is wanted, or as many of each class as of any other, in order.

        Raises:
            ValueError: there is no such class.
        """
        if label is None:
            return (torch.arange(count, device=self.device) * self.num_classes // count,)
        if not 0 <= label < self.num_classes:
            raise ValueError(f"there is no class {label}: the run knows 0 to {self.num_classes - 1}")
        return (torch.full((count,), label, device=self.device),)

    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """One row for each class, whatever `rows` says, and the same latent all the way down a column."""
        latents = seeding.normal((columns, self.latent_dim), seed).to(self.device)
        labels = torch.arange(self.num_classes, device=self.device).repeat_interleave(columns)
        return self.sample(latents.repeat(self.num_classes, 1), labels, ema=ema), columns
