import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from tests.networks.players import KINDS, NORM_LAYERS, layers, make_discriminator, sum_of_norms

COMBINATIONS = [
    (kind, norm)
    for kind in KINDS
    for norm in ("batch", "layer", "instance", "spectral", "none")
    if (kind, norm) != ("mlp", "instance")
]


@pytest.mark.parametrize(("kind", "norm"), COMBINATIONS)
def test_the_norm_of_a_discriminator_is_the_one_that_was_chosen(kind: str, norm: str) -> None:
    discriminator = make_discriminator(kind, norm)
    for name, types in NORM_LAYERS.items():
        assert bool(layers(discriminator, *types)) == (name == norm)
    weighted = layers(discriminator, nn.Conv2d, nn.Linear)
    assert all(is_parametrized(layer) == (norm == "spectral") for layer in weighted)
    assert all(isinstance(layer.eps, float) and layer.eps < 1e-3 for layer in layers(discriminator, *sum_of_norms()))


@pytest.mark.parametrize(("kind", "norm"), COMBINATIONS)
def test_only_batch_norm_lets_images_of_a_batch_meet(kind: str, norm: str) -> None:
    discriminator = make_discriminator(kind, norm).eval() if norm == "spectral" else make_discriminator(kind, norm)
    for parameter in discriminator.parameters():
        nn.init.normal_(parameter, 0.1, 0.1)  # residual blocks begin as the identity, which hides what is in them
    images = torch.randn(4, 1, 16, 16)
    together, alone = discriminator(images), torch.cat([discriminator(half) for half in images.chunk(2)])
    assert torch.allclose(together, alone, rtol=1e-3, atol=1e-5) == (norm != "batch")
    if kind != "patch":  # which is always asked about two domains at once
        assert discriminator.batch_independent == (norm != "batch")


@pytest.mark.parametrize("kind", KINDS)
def test_spectral_norm_bounds_every_layer(kind: str) -> None:
    discriminator = make_discriminator(kind, "spectral")
    for _ in range(100):
        discriminator(torch.randn(2, 1, 16, 16))
    for layer in layers(discriminator, nn.Conv2d, nn.Linear):
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, rel=0.02)


def test_instance_norm_needs_maps() -> None:
    with pytest.raises(ValueError, match="set norm=layer"):
        make_discriminator("mlp", "instance")
