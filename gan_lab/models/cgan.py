"""Conditional GAN (Mirza and Osindero 2014, arXiv:1411.1784): the label conditions both players."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.models.turns import Condition
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.utils.batches import AnyBatch
from gan_lab.utils.categories import Categories, combinations


class CGAN(VanillaGAN):
    """The plain game between players that get the label of each image as well.

    The i-th generated image has the class of the i-th real one. So each class is generated as often as the data has it,
    and losses on pairs of images, an interpolating penalty or a relativistic objective, compare images of one class.

    Args:
        network: players that know nothing of labels, or that take them themselves (`Native`).
        conditioning: for each player, what makes a player out of it that takes labels (batch,) as well.
        num_classes: how many labels there are, or categories of each attribute (`utils.categories`).

    Raises:
        ValueError: there are fewer than two.
    """

    def __init__(
        self,
        *,
        network: Mapping[str, nn.Module],
        conditioning: Mapping[str, Callable[[nn.Module], nn.Module]],
        num_classes: Categories,
        **options: Any,
    ) -> None:
        if combinations(num_classes) < 2:
            raise ValueError("a conditional model needs two classes or more: set data.num_classes to what the data has")
        super().__init__(network={name: conditioning[name](player) for name, player in network.items()}, **options)
        self.num_classes = combinations(num_classes)

    def unpack_batch(self, batch: AnyBatch) -> tuple[Tensor, Condition]:
        """Real images, and their labels for both players."""
        images, _ = super().unpack_batch(batch)
        _, labels = batch
        return images, (labels,)

    def make_condition(self, count: int, label: int | None = None) -> Condition:
        """Labels (count,) for `sample`: all of one class, or each class in turn, so that an index decides its label.

        Raises:
            ValueError: there is no such class.
        """
        if label is None:
            return (torch.arange(count, device=self.device) % self.num_classes,)
        if not 0 <= label < self.num_classes:
            raise ValueError(f"there is no class {label}: the run knows 0 to {self.num_classes - 1}")
        return (torch.full((count,), label, device=self.device),)

    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """One row for each class, whatever `rows` says, and the same latent all the way down a column."""
        latents = self.seeded_latents(columns, seed)
        labels = torch.arange(self.num_classes, device=self.device).repeat_interleave(columns)
        return self.sample(latents.repeat(self.num_classes, 1), labels, ema=ema), columns
