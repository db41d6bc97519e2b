"""What a classifier learns from generated images, and what one of real images makes of them."""

from collections.abc import Iterable

import torch
from torch import Tensor

from gan_lab.metrics import classifier, dataset_classifier, select_extractor
from gan_lab.metrics.extractors import extract
from gan_lab.metrics.generated_images import Generated
from gan_lab.metrics.real_images import RealImages


def gan_train_test(drawn: Iterable[Generated], real: RealImages, *, seed: int) -> dict[str, float]:
    """GAN-train and GAN-test accuracy (Shmelkov et al. 2018, arXiv:1807.09499, section 3).

    - `gan_train`: of a classifier that has seen only generated images, on real ones that the generator has not seen
      (of the test split, unless others are held out): how much of the classes' variety was drawn. It falls with lost
      modes and with wrong or unrecognisable images.
    - `gan_test`: of a classifier taught by real images, on generated ones: how well the asked class can be recognised.
      A generator that draws one perfect image of each class reaches 100 %.

    Args:
        drawn: uint8 images and the classes asked for, in chunks.
        real: the dataset.
        seed: of the classifier's weights and of the order in which it learns.
    """
    images, asked = together(drawn)
    images = real.without_border(images)
    model = classifier.train(images, asked, seed, dataset_classifier.epochs_for(len(images)))
    judge = select_extractor.classifier(real)
    _, logits = extract(judge, images)
    return {
        "gan_train": classifier.accuracy(model, *real.load(real.data.eval_split)),
        "gan_test": float((judge.predicted_class(logits) == asked).double().mean()),
    }


def together(drawn: Iterable[Generated]) -> tuple[Tensor, Tensor]:
    """All images, and the classes they were asked to show, on the CPU."""
    parts = [(images.cpu(), asked.cpu()) for images, asked in drawn if asked is not None]
    assert parts, "only a conditional model is asked"
    images, asked = zip(*parts, strict=True)
    return torch.cat(images), torch.cat(asked)
