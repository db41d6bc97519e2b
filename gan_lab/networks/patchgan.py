"""A discriminator of patches (Isola et al. 2017, section 3.2.2, arXiv:1611.07004), for images of any size."""

from torch import Tensor, nn

from gan_lab.networks.init import dcgan_init
from gan_lab.networks.norms import Norm, needs_bias, norm_2d, normalise_weights
from gan_lab.utils.sizes import height_and_width
from gan_lab.utils.types import ImageSize, PositiveInt


class PatchGAN(nn.Module):
    """Images (batch, channels, height, width) to a map of logits (batch, 1, ...), one for each patch.

    Isola et al. 2017, section 3.2.2 (arXiv:1611.07004). With 3 layers a logit sees 70 pixels, with 2 layers 34.

    Args:
        width: feature maps after the first convolution, doubled by each further one.
        layers: convolutions that halve the size.
        norm: of every convolution but the first and the last; spectral norm is on these, too.
        image_size: large enough that something is left after the last layer.
        channels: of the images.

    Raises:
        ValueError: nothing is left.
    """

    def __init__(
        self, *, width: PositiveInt, layers: PositiveInt, norm: Norm, image_size: ImageSize, channels: PositiveInt
    ) -> None:
        super().__init__()
        shorter = min(height_and_width(image_size))
        if shorter // 2**layers < 3:
            raise ValueError(
                f"{layers} layers leave nothing of {shorter} pixels: set model.network.discriminator.layers="
                f"{max(1, (shorter // 3).bit_length() - 1)} or less"
            )
        stack: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for layer in range(1, layers + 1):
            inputs, outputs = (width * 2 ** min(exponent, 3) for exponent in (layer - 1, layer))
            stride = 2 if layer < layers else 1
            stack += [
                nn.Conv2d(inputs, outputs, 4, stride, 1, bias=needs_bias(norm)),
                *norm_2d(norm, outputs),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.features = nn.Sequential(*stack)
        self.output = nn.Conv2d(outputs, 1, 4, 1, 1)
        self.batch_independent = norm != "batch"
        self.apply(dcgan_init)
        normalise_weights(self, norm)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 1, height, width), one for each patch of each image."""
        logits: Tensor = self.output(self.features(images))
        return logits
