from pathlib import Path

import pytest

from gan_lab.cli.dataset_choice import names, real_images
from gan_lab.utils.errors import UserError


def test_a_dataset_has_its_values_of_the_configuration(few_digits: Path) -> None:
    real = real_images("mnist", str(few_digits))
    assert (real.name, real.channels, real.num_classes) == ("MNIST", 1, 10)
    assert real.cache_folder == Path("data/cache").absolute()
    assert len(real.load("test")[0]) == 500


def test_names_are_those_of_the_files() -> None:
    assert {"mnist", "cifar10", "image_folder"} <= set(names())
    with pytest.raises(UserError, match=r"--data mnits: no dataset of this name\. Did you mean mnist"):
        real_images("mnits", None)


def test_two_domains_are_refused(few_digits: Path) -> None:
    with pytest.raises(UserError, match="--data mnist_colors: .* holds images of two domains"):
        real_images("mnist_colors", str(few_digits))
