"""What the tests of scores share: genuine digits that need no network, and the shipped extractor."""

import pytest
import torch

from gan_lab.data.mnist import substitute
from gan_lab.metrics import dataset_classifier
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.utils import seeding

Labelled = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="session")
def numerals() -> Labelled:
    """4,500 genuine digits and their labels, in a random order."""
    images, labels = substitute("train")
    order = seeding.permutation(len(images), 0)
    return images[order], labels[order]


@pytest.fixture(scope="session")
def extractor() -> DatasetClassifier:
    return dataset_classifier.shipped()
