"""A picture that shows whether a generator has memorised its training images."""

import torch
from torch import Tensor

from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.neighbours import nearest
from gan_lab.metrics.real_images import RealImages
from gan_lab.utils import images

NEIGHBOURS = 5


def picture(generated: Tensor, real: RealImages, extractor: Extractor) -> Tensor:
    """Rows of a generated image and its nearest training images in feature space, nearest first.

    Args:
        generated: uint8, shape (n, channels, height, width).
        real: the dataset.
        extractor: of the features in which distances are measured.

    Returns:
        One uint8 picture (3, height', width').
    """
    training_images, _ = real.load("train")
    statistics = real.statistics(extractor, "train")
    generated = real.without_border(generated)
    features = extractor(generated.to(extractor.device)).cpu()
    neighbours, _ = nearest(features, statistics.features, min(NEIGHBOURS, len(training_images)))
    rows = [
        torch.cat((image[None].cpu(), training_images[indices].cpu()))
        for image, indices in zip(generated, neighbours, strict=True)
    ]
    return images.grid(images.to_float(torch.cat(rows)), columns=len(rows[0]))
