"""Two small convolutional networks: plain torch modules."""

from torch import Tensor, nn

from gan_lab.utils.types import PositiveInt


class Generator(nn.Module):
    """Latents (batch, latent_dim) to images (batch, channels, image_size, image_size) in [-1, 1].

    Args:
        width: feature maps before the last convolution.
    """

    def __init__(
        self, *, latent_dim: PositiveInt, width: PositiveInt, image_size: PositiveInt, channels: PositiveInt
    ) -> None:
        super().__init__()
        if image_size % 4:
            raise ValueError(f"image_size must be a multiple of 4, not {image_size}")
        side = image_size // 4
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, 2 * width * side**2),
            nn.Unflatten(1, (2 * width, side, side)),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images, one for each latent."""
        images: Tensor = self.layers(latents)
        return images


class Discriminator(nn.Module):
    """Images (batch, channels, image_size, image_size) to logits (batch, 1).

    Args:
        width: feature maps of the first convolution.
    """

    def __init__(self, *, width: PositiveInt, image_size: PositiveInt, channels: PositiveInt) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * width * (image_size // 4) ** 2, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits, one for each image: positive where it takes the image for a real one."""
        logits: Tensor = self.layers(images)
        return logits
