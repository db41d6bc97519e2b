"""Generators that map images to images."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.ema import MovingAverage
from gan_lab.models.two_players import evaluating
from gan_lab.utils import chunks


class TranslationGAN(AdversarialModule):
    """A generator that turns images of one domain into images of another.

    Networks are fully convolutional: besides the size they train on, they take every size whose sides are multiples of
    the network's `multiple`.
    """

    directions: ClassVar[tuple[str, ...]] = ("a2b",)  # from the source, a, to the target, b

    def translator(self, direction: str = "a2b", ema: bool = True) -> nn.Module:
        """The network of one direction, images (n, channels, height, width) in [-1, 1] to images of the same size.

        Args:
            direction: one of `directions`.
            ema: True takes the generator's moving average where there is one, False the generator as it is.
        """
        network = self.sampling_network(ema)
        return network.network if isinstance(network, MovingAverage) else network

    def translate(self, images: Tensor, direction: str = "a2b", ema: bool = True) -> Tensor:
        """Images (n, channels, height, width) in [-1, 1] in the other domain, in evaluation mode, without gradients."""
        with evaluating(self.translator(direction, ema)) as network, torch.no_grad():
            translated: Tensor = chunks.applied(network, images)
        return translated

    def held_out(self, count: int) -> Any:
        """A batch of at most `count` images of each domain that nothing is trained on, in [-1, 1], on the device."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        return data.on_after_batch_transfer(data.transfer_batch_to_device(data.preview(count), self.device, 0), 0)

    def shown(self, source: Tensor, translated: Tensor) -> Tensor:
        """Images to look at, in [-1, 1], as the data module renders a translation of its sources."""
        rendered: Tensor = self.trainer.datamodule.render(source, translated)  # type: ignore[attr-defined]
        return rendered
