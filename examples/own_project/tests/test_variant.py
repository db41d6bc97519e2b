"""The loss against a value that one can work out by hand, and the dataset against its promises."""

import torch
from own_project.networks import Discriminator, Generator
from own_project.shapes import Shapes
from own_project.variant import Mine


def test_the_generator_minimises_half_the_squared_logit() -> None:
    model = Mine.__new__(Mine)
    model.logits = lambda images, condition: torch.tensor([[1.0], [-3.0]])  # type: ignore[method-assign]
    images = torch.zeros(2, 1, 8, 8)
    assert model.generator_terms(images, images, ())["adversarial"] == (1 + 9) / 2 / 2


def test_the_networks_fit_each_other() -> None:
    images = Generator(latent_dim=4, width=2, image_size=28, channels=1)(torch.randn(3, 4))
    assert images.shape == (3, 1, 28, 28)
    assert Discriminator(width=2, image_size=28, channels=1)(images).shape == (3, 1)


def test_the_shapes_are_the_same_each_time_and_of_every_class() -> None:
    options = {"image_size": 28, "channels": 1, "num_classes": 3, "validation_count": 0, "batch_size": 4, "seed": 1}
    images, labels = Shapes(count=60, test_count=20, **options).load("train")
    again, _ = Shapes(count=60, test_count=20, **options).load("train")
    assert torch.equal(images, again)
    assert set(labels.tolist()) == {0, 1, 2}
    assert images.dtype == torch.uint8
    assert images.shape == (60, 1, 28, 28)
