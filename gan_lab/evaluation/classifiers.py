"""GAN-train and GAN-test: classifiers that learn from generated images, or are tested on them."""

from collections.abc import Iterable

import torch
from torch import Tensor

from gan_lab.metrics import classifier, dataset_classifier, select_extractor
from gan_lab.metrics.extractors import extract
from gan_lab.metrics.generated_images import Generated
from gan_lab.metrics.real_images import RealImages


def gan_train_test(generated: Iterable[Generated], real: RealImages, *, seed: int) -> dict[str, float]:
    """GAN-train and GAN-test accuracy (Shmelkov et al. 2018, arXiv:1807.09499, section 3).

    - `gan_train`: accuracy on the dataset's eval split of a classifier trained on generated images only. It measures
      how much of the classes' variety is generated, and falls with lost modes and with wrong or unrecognisable images.
    - `gan_test`: accuracy on generated images of a classifier trained on real ones. It measures how well the requested
      class can be recognised. A generator that makes one perfect image of each class reaches 100 %.

    Args:
        generated: uint8 images and their requested classes, in chunks.
        real: the dataset.
        seed: of the classifier's weights and of the order of its training images.
    """
    images, requested = concatenate(generated)
    images = real.without_border(images)
    trained_on_generated = classifier.train(images, requested, seed, dataset_classifier.epochs_for(len(images)))
    trained_on_real = select_extractor.classifier(real)
    _, logits = extract(trained_on_real, images)
    return {
        "gan_train": classifier.accuracy(trained_on_generated, *real.load(real.data.eval_split)),
        "gan_test": float((trained_on_real.predicted_class(logits) == requested).double().mean()),
    }


def concatenate(generated: Iterable[Generated]) -> tuple[Tensor, Tensor]:
    """All images, and their requested classes, on the CPU."""
    chunks = [(images.cpu(), requested.cpu()) for images, requested in generated if requested is not None]
    assert chunks, "the model must be conditional"
    images, requested = zip(*chunks, strict=True)
    return torch.cat(images), torch.cat(requested)
