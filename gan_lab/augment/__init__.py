"""Random changes of all images that a discriminator learns from, real and generated ones.

With few real images a discriminator learns them by heart. If it never sees an image without a random change, it can't.
The generator does not learn to draw changed images where the changes can be told apart from the images: one that
happens with a probability below 0.8 or so leaves most images as they are, so the discriminator knows how those look
(Karras et al. 2020, section 2.2, arXiv:2006.06676). Gradients flow back through the changes into the generator.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class Augment(nn.Module, ABC):
    """A random change of each image, with a strength.

    All random numbers come from `gan_lab.utils.per_image`, so an image gets its own, however a batch is divided.
    """

    needs_absolute_logits: ClassVar[bool] = False  # True: a real logit's sign has to say "real", not "more real than"

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Change each image at random; gradients flow through, and shape and type stay.

        Args:
            images: (batch, channels, height, width) in [-1, 1]; the changed ones may leave that range.
        """

    def observe(self, real_logits: Tensor) -> None:
        """Take note of a discriminator's logits (batch, ...) of changed real images; here, nothing is done."""

    def adjust(self, images: int) -> None:
        """Set the strength after a batch; here, it stays.

        Of several processes all call this, after each batch.

        Args:
            images: real images that all processes have seen in the batch.
        """

    def diagnostics(self) -> dict[str, Tensor]:
        """Scalars by name for the logs; none where the strength never changes."""
        return {}
