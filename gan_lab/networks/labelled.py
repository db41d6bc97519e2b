"""Players that are told a label, made from players that are not.

Any generator and discriminator of this package will do; labels are whole numbers (batch,) in [0, num_classes).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from gan_lab.utils.types import PositiveInt


class LabelledGenerator(nn.Module):
    """Appends the label, one-hot, to the latent.

    Mirza and Osindero 2014, section 3.2 (arXiv:1411.1784).

    Args:
        generator: takes latents of size latent_dim + num_classes.
        num_classes: how many labels there are.
    """

    def __init__(self, generator: nn.Module, *, num_classes: PositiveInt) -> None:
        super().__init__()
        self.generator = generator
        self.num_classes = num_classes

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Draw one image per latent (batch, latent_dim) and label (batch,)."""
        told = F.one_hot(labels, self.num_classes).to(latents.dtype)
        images: Tensor = self.generator(torch.cat((latents, told), dim=1))
        return images


class ConcatDiscriminator(nn.Module):
    """Shows the discriminator the label as one more channel: a learned plane for each class.

    Mirza and Osindero 2014, section 3.2 (arXiv:1411.1784), with the plane in place of the label's own hidden layer.

    Args:
        discriminator: takes images with one channel more than the data has.
        num_classes: how many labels there are.
        image_size: of the plane.
    """

    def __init__(self, discriminator: nn.Module, *, num_classes: PositiveInt, image_size: PositiveInt) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.planes = nn.Embedding(num_classes, image_size**2)
        self.batch_independent = getattr(discriminator, "batch_independent", False)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Score each image (batch, channels, size, size) as one of its label (batch,)."""
        planes = self.planes(labels).to(images.dtype).view(-1, 1, *images.shape[2:])
        scores: Tensor = self.discriminator(torch.cat((images, planes), dim=1))
        return scores


class ProjectionDiscriminator(nn.Module):
    """Adds to the score the inner product of the image's features with a learned vector of its class.

    Miyato and Koyama 2018, equation 8 (arXiv:1802.05637): C(x, y) = output(features(x)) + <v_y, features(x)>.

    Args:
        discriminator: has `features`, images to anything (batch, ...), and `output`, features to scores (batch, 1).
        num_classes: how many labels there are.
        image_size: of the images,
        channels: and how many they have: their number of features follows from both.

    Raises:
        ValueError: the discriminator does not say what its features are.
    """

    def __init__(
        self, discriminator: nn.Module, *, num_classes: PositiveInt, image_size: PositiveInt, channels: PositiveInt
    ) -> None:
        super().__init__()
        if not (hasattr(discriminator, "features") and hasattr(discriminator, "output")):
            raise ValueError(
                f"projection needs a discriminator with `features` and `output`, which {type(discriminator).__name__} "
                "lacks: set model/conditioning=concat"
            )
        self.discriminator = discriminator
        self.vectors = nn.Embedding(num_classes, count_features(discriminator, image_size, channels))
        nn.init.normal_(self.vectors.weight, 0.0, 0.02)
        if any(is_parametrized(layer) for layer in discriminator.modules()):
            # The label's part is bounded like the rest.
            spectral_norm(self.vectors)
        self.batch_independent = getattr(discriminator, "batch_independent", False)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Score each image (batch, channels, size, size) as one of its label (batch,)."""
        features: Tensor = self.discriminator.features(images)  # type: ignore[operator]
        scores: Tensor = self.discriminator.output(features)  # type: ignore[operator]
        vectors: Tensor = self.vectors(labels)
        return scores + (vectors * features.flatten(1)).sum(1, keepdim=True)


def count_features(discriminator: nn.Module, image_size: int, channels: int) -> int:
    """How many features an image has, found by looking at one."""
    training = discriminator.training
    images = torch.zeros(1, channels, image_size, image_size)
    with torch.no_grad():
        features: Tensor = discriminator.eval().features(images)  # type: ignore[operator]
    discriminator.train(training)
    return features.numel()
