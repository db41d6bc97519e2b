"""The probability of the pipeline's changes: driven by the discriminator's logits, or set from outside."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from gan_lab.augment import Augment
from gan_lab.augment.pipeline import Pipeline
from gan_lab.distributed import collectives
from gan_lab.utils.types import PositiveInt

MeanSign = Annotated[float, Field(ge=-1.0, le=1.0)]


class _Driven(Augment):
    """The pipeline with a probability p, which is in the checkpoint and begins with 0."""

    p: Tensor

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        self.pipeline = pipeline
        self.register_buffer("p", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        """Change images (batch, channels, height, width) in [-1, 1], in each way with probability p."""
        changed: Tensor = self.pipeline(images, self.p)
        return changed

    def diagnostics(self) -> dict[str, Tensor]:
        """The probability of each change."""
        return {"augment/p": self.p.clone()}


class Scheduled(_Driven):
    """The pipeline with a probability that is set from outside, as R3GAN ramps it up along a cosine.

    Huang et al. 2024 (arXiv:2501.05441).

    Args:
        pipeline: the changes.
    """

    def __init__(self, *, pipeline: Pipeline) -> None:
        super().__init__(pipeline)

    def set_strength(self, value: float) -> None:
        """Set p, in place and without waiting for the device.

        Raises:
            ValueError: it is no probability.
        """
        if not 0 <= value <= 1:
            raise ValueError(f"model.augment: a probability of {value}; it must be between 0 and 1")
        self.p.fill_(value)


class Adaptive(_Driven):
    """The pipeline with a probability that follows how well the discriminator knows the real images by heart.

    Karras et al. 2020, section 3 (arXiv:2006.06676): r = E[sign(C(x))] over the logits of changed real images since p
    was last set. p goes up where r is above the target, and down where r is below, by the same amount for each image
    seen, and stays in [0, 1]. Logits of patches count one by one. A sign says something only where the loss makes
    "real" positive, not where it compares logits of real images with those of generated ones.

    p and what it depends on are in the checkpoint, and the same on all processes after each `adjust`. Nothing here
    waits for the device.

    Args:
        pipeline: the changes.
        target: r that is aimed at; a discriminator that guesses has 0, one that is always right 1.
        interval: batches from one change of p to the next.
        images_to_full: real images after which p has gone from 0 to 1, where r is above the target all along.
    """

    needs_absolute_logits = True
    sign: Tensor
    sign_sum: Tensor
    count: Tensor
    batches: Tensor
    images: Tensor

    def __init__(
        self, *, pipeline: Pipeline, target: MeanSign, interval: PositiveInt, images_to_full: PositiveInt
    ) -> None:
        super().__init__(pipeline)
        self.target = target
        self.interval = interval
        self.images_to_full = images_to_full
        self.register_buffer("sign", torch.zeros(()))  # r when p was last set
        self.register_buffer("sign_sum", torch.zeros(()))  # this and the following: since then
        self.register_buffer("count", torch.zeros(()))  # of logits
        self.register_buffer("batches", torch.zeros(()))
        self.register_buffer("images", torch.zeros(()))

    @torch.no_grad()
    def observe(self, real_logits: Tensor) -> None:
        """Count the signs of a discriminator's logits (batch, ...) of changed real images."""
        # A logit that isn't finite, as float16 may have while its scale is sought, says nothing.
        self.sign_sum += real_logits.nan_to_num(0, 0, 0).sign().sum(dtype=self.sign_sum.dtype)
        self.count += real_logits.numel()

    @torch.no_grad()
    def adjust(self, images: int) -> None:
        """Set p where the interval is over; without any logits it stays.

        The sums become their means over the processes after each batch, not only when p is set: a checkpoint from
        between, which one process writes, then holds what all of them have counted.
        """
        collectives.all_reduce_mean([self.sign_sum, self.count])
        self.batches += 1
        self.images += images
        due = self.batches >= self.interval
        moves = due & (self.count > 0)
        sign = self.sign_sum / self.count.clamp(min=1)
        moved = self.p + (sign - self.target).sign() * (self.images / self.images_to_full)
        self.p.copy_(torch.where(moves, moved.clamp(0, 1), self.p))
        self.sign.copy_(torch.where(moves, sign, self.sign))
        for since in (self.sign_sum, self.count, self.batches, self.images):
            since.masked_fill_(moves, 0)

    def diagnostics(self) -> dict[str, Tensor]:
        """The probability of each change, and the mean sign of real logits when it was last set."""
        return {**super().diagnostics(), "augment/sign": self.sign.clone()}
