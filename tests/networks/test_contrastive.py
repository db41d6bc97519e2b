import pytest
import torch
from torch import nn

from gan_lab.networks.contrastive import ContrastiveGenerator
from gan_lab.networks.translation import Residual


def generator(blocks: int = 9) -> ContrastiveGenerator:
    torch.manual_seed(0)
    return ContrastiveGenerator(width=2, blocks=blocks, features=8, image_size=16, channels=3)


def test_patches_are_described_at_the_depths_of_the_paper() -> None:
    """Pixels, both halvings, the first and the fifth of nine residual blocks."""
    network, images = generator(), torch.randn(2, 3, 16, 16)
    maps = network.encode(images)
    assert [tuple(at.shape[1:]) for at in maps] == [(3, 16, 16), (4, 8, 8), (8, 4, 4), (8, 4, 4), (8, 4, 4)]
    assert maps[0] is images
    layers = list(network.translator)
    blocks = [at for at, layer in enumerate(layers) if isinstance(layer, Residual)]
    for depth, block in ((3, blocks[0]), (4, blocks[4])):
        torch.testing.assert_close(maps[depth], nn.Sequential(*layers[: block + 1])(images))
    halvings = [at for at, layer in enumerate(layers) if getattr(layer, "stride", None) == (2, 2)]
    for depth, layer in ((1, halvings[0]), (2, halvings[1])):
        torch.testing.assert_close(maps[depth], nn.Sequential(*layers[: layer + 1])(images))


@pytest.mark.parametrize("blocks", [1, 3, 6])
def test_shallow_encoders_have_five_depths_too(blocks: int) -> None:
    assert len(generator(blocks).encode(torch.randn(1, 3, 16, 16))) == 5


def test_vectors_are_of_unit_length_and_of_the_chosen_places() -> None:
    network, images = generator(), torch.randn(2, 3, 16, 16)
    maps = network.encode(images)
    places = [torch.tensor([0, 5]) for _ in maps]
    vectors = network.describe(maps, places)
    assert all(at_depth.shape == (2, 2, 8) for at_depth in vectors)
    torch.testing.assert_close(vectors[1].norm(dim=2), torch.ones(2, 2))
    pixel = maps[1][1, :, 0, 5]  # the sixth of the first row of eight
    torch.testing.assert_close(vectors[1][1, 1], nn.functional.normalize(network.heads[1](pixel), dim=0))


def test_only_translations_are_learned_from() -> None:
    network = generator()
    source, translated = (torch.randn(2, 3, 16, 16, requires_grad=True) for _ in range(2))
    pairs = network.patches(network.encode(source), network.encode(translated), count=10)
    assert [tuple(queries.shape) for queries, _ in pairs] == [(2, 10, 8)] * 5
    assert all(not keys.requires_grad for _, keys in pairs)
    sum(queries.sum() for queries, _ in pairs).backward()
    assert translated.grad is not None
    assert source.grad is None


def test_an_image_and_itself_have_the_same_vectors() -> None:
    network, images = generator(), torch.randn(2, 3, 16, 16)
    for queries, keys in network.patches(network.encode(images), network.encode(images), count=1000):
        torch.testing.assert_close(queries, keys)


@pytest.mark.parametrize("blocks", [1, 3, 9])
def test_one_pass_makes_the_translation_and_the_maps(blocks: int) -> None:
    network, images = generator(blocks), torch.randn(2, 3, 16, 16)
    translated, maps = network(images, with_maps=True)
    torch.testing.assert_close(translated, network.translator(images))
    for once, again in zip(maps, network.encode(images), strict=True):
        torch.testing.assert_close(once, again)
