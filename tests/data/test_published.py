from typing import get_args

import torchvision.datasets

from gan_lab.data.mnist import MIRRORS
from gan_lab.data.published import PUBLISHED, PublishedName
from tests.conftest import composed


def test_each_name_is_a_configuration_of_the_dataset_it_stands_for() -> None:
    for name, dataset in PUBLISHED.items():
        assert composed(f"data={name}").data.dataset == dataset
        assert issubclass(getattr(torchvision.datasets, dataset), torchvision.datasets.MNIST)
    assert set(PUBLISHED.values()) == set(get_args(PublishedName)) == MIRRORS.keys()
