"""What the tests of scores share: genuine digits that need no network, and the shipped extractor."""

import pytest
import torch

from gan_lab import seeding
from gan_lab.data.mnist import substitute
from gan_lab.metrics import digits
from gan_lab.metrics.digits import Digits

Labelled = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="session")
def numerals() -> Labelled:
    """4,500 genuine digits and their labels, in a random order."""
    images, labels = substitute("train")
    order = seeding.permutation(len(images), 0)
    return images[order], labels[order]


@pytest.fixture(scope="session")
def extractor() -> Digits:
    return digits.shipped()
