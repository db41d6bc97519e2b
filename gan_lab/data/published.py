"""Names of the published datasets, without an import of torch, so that commands list them without delay."""

from typing import Literal

PublishedName = Literal["MNIST", "FashionMNIST", "KMNIST"]
# By the name of the file in conf/data/ the name of torchvision's class.
PUBLISHED: dict[str, PublishedName] = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}
