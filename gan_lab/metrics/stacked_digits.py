"""The extractor of Stacked-MNIST: the classifier of digits, on each channel."""

from torch import Tensor

from gan_lab.metrics import class_scores
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.extractors import Extractor

CHANNELS = 3


class Stacked(Extractor):
    """Classifies the red, the green and the blue digit one by one: 3 x 256 features, 3 x 10 logits, 1,000 classes.

    The expected class frequencies are those of independent digits, so a perfect generator's `class_kl` is only the
    noise of its own images: about 999 / 2n, which is 0.019 for 26,000.

    Args:
        digits: classifier of grey digits, in ten classes.
    """

    one_label = False
    has_neighbours = False

    def __init__(self, *, digits: DatasetClassifier) -> None:
        super().__init__()
        self.digits = digits
        self.num_features = CHANNELS * digits.num_features
        self.num_classes = digits.num_classes**CHANNELS
        self.identity = digits.identity | {"name": f"{digits.identity['name']}, each channel", "channels": CHANNELS}
        self.freeze()

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features (n, 768) and logits (n, 30).

        Raises:
            ValueError: the images are not RGB.
        """
        if images.dim() != 4 or images.shape[1] != CHANNELS:
            raise ValueError(f"stacked digits must have the shape (n, 3, height, width), not {tuple(images.shape)}")
        features, logits = self.digits.features_and_logits(images.flatten(0, 1)[:, None])
        return features.reshape(len(images), -1), logits.reshape(len(images), -1)

    def predicted_class(self, logits: Tensor) -> Tensor:
        """Predict the number that the three digits make, 0 to 999."""
        return class_scores.stacked(logits.reshape(len(logits), CHANNELS, -1))

    def class_histogram(self, logits: Tensor) -> Tensor:
        """Probabilities of the numbers, shape (1000,), if digits were independent and as frequent as the real ones."""
        return class_scores.independent(logits.reshape(len(logits), CHANNELS, -1).argmax(2))
