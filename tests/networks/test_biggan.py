"""BigGAN's players: appendix B of the paper, and its maths written out in float64."""

import itertools
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from gan_lab.networks import biggan
from gan_lab.networks.sngan_resnet import Down
from tests.conftest import CONF, composed
from tests.networks.players import Pair, count, layers, said_cost
from tests.networks.written_out import by, conv, down, grown, means, normalised, shaken, weight_of


def players(size: int, width: int, classes: int, latent_dim: int = 120, embedding_dim: int = 128) -> Pair:
    sizes = {"width": width, "num_classes": classes, "image_size": size, "channels": 3}
    return (
        biggan.Generator(latent_dim=latent_dim, embedding_dim=embedding_dim, **sizes),
        biggan.Discriminator(**sizes),
    )


@cache
def paper(size: int) -> Pair:
    with torch.device("meta"):
        return players(size, 96, 1000)


def attention(width: int) -> int:
    return 2 * width * width // 8 + 2 * width * width // 2 + 1


def up(inputs: int, outputs: int, condition: int) -> int:
    norms = 2 * condition * (inputs + outputs)
    return norms + conv(inputs, outputs, 3) + conv(outputs, outputs, 3) + conv(inputs, outputs, 1)


# Feature maps in multiples of 96, the share of a latent of 120, and where the discriminator stops halving.
TABLES = {
    32: ((4, 4, 4, 4), 30, (4, 4, 4, 4)),
    64: ((16, 16, 8, 4, 2), 24, (1, 2, 4, 8, 16)),
    128: ((16, 16, 8, 4, 2, 1), 20, (1, 2, 4, 8, 16, 16)),
}


@pytest.mark.parametrize("size", TABLES)
def test_the_players_have_the_weights_of_the_tables(size: int) -> None:
    multiples, share, down_multiples = TABLES[size]
    widths, down_widths = [96 * multiple for multiple in multiples], [96 * multiple for multiple in down_multiples]
    generator = (
        1000 * 128
        + (share + 1) * 16 * widths[0]
        + sum(up(inputs, outputs, 128 + share) for inputs, outputs in itertools.pairwise(widths))
        + attention(widths[-2])
        + 2 * widths[-1]
        + conv(widths[-1], 3, 3)
    )
    halvings = 2 if size == 32 else 4 if size == 64 else 5
    blocks = zip([3, *down_widths], down_widths, strict=False)
    discriminator = (
        sum(
            down(inputs, outputs, outputs, shortcut=index < halvings or inputs != outputs)
            for index, (inputs, outputs) in enumerate(blocks)
        )
        + attention(down_widths[0])
        + down_widths[-1]
        + 1
        + 1000 * down_widths[-1]
    )
    assert tuple(map(count, paper(size))) == (generator, discriminator)


def test_at_128_pixels_they_have_the_weights_that_others_count() -> None:
    """Google's compare_gan checks its own against these numbers, and the authors' code prints them."""
    assert tuple(map(count, paper(128))) == (70_433_988, 87_982_370)


@pytest.mark.parametrize("size", TABLES)
def test_the_file_says_what_the_players_cost(size: int) -> None:
    assert said_cost(*paper(size), 120, size, labels=1) in (CONF / "model/network/biggan.yaml").read_text()


def test_the_file_brings_the_papers_latents_and_adam() -> None:
    model = composed("model=cgan", "model/network=biggan", "model/conditioning=native").model
    assert model.latent_dim == model.network.generator.latent_dim == 120
    assert (model.optimizer.generator.lr, model.optimizer.discriminator.lr) == (5e-5, 2e-4)
    assert list(model.optimizer.generator.betas) == list(model.optimizer.discriminator.betas) == [0.0, 0.999]


def conditioned(maps: Tensor, condition: Tensor, norm: nn.Module) -> Tensor:
    plain = nn.BatchNorm2d(maps.shape[1], dtype=maps.dtype)
    scale, shift = 1 + condition @ weight_of(norm.gain).T, condition @ weight_of(norm.shift).T
    return torch.einsum("bchw,bc->bchw", normalised(maps, plain), scale) + shift[:, :, None, None]


def attended(maps: Tensor, layer: nn.Module) -> Tensor:
    """Attention place by place: softmax over the pooled places of <query, key>, then the weighted sum of values."""
    queries = by(layer.query, maps)
    keys, values = (
        by(kind, maps).unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax((3, 5)) for kind in (layer.key, layer.value)
    )
    likeness = torch.einsum("bchw,bcij->bhwij", queries, keys).exp()
    weights = likeness / likeness.sum((3, 4), keepdim=True)
    return maps + layer.gain * by(layer.output, torch.einsum("bhwij,bcij->bchw", weights, values))


def evaluating_but_norms(player: nn.Module) -> nn.Module:
    """Spectral norm stands still, batch norm looks at the batch."""
    player.eval()
    for norm in layers(player, nn.BatchNorm2d):
        norm.train()
    return player


@pytest.mark.parametrize(("size", "latent_dim"), [(32, 8), (64, 10), (128, 12)])
def test_the_generator_is_the_papers_in_float64(size: int, latent_dim: int) -> None:
    torch.manual_seed(0)
    generator = evaluating_but_norms(shaken(players(size, 2, 5, latent_dim, embedding_dim=3)[0]))
    latents, labels = torch.randn(3, latent_dim, dtype=torch.float64), torch.tensor([4, 0, 4])
    part, *parts = latents.split(2, dim=1)
    dense, (norm, _, last, _) = generator.first[0], generator.output
    maps = (part @ weight_of(dense).T + dense.bias).view(3, -1, 4, 4)
    for block, part in zip(generator.blocks, parts, strict=True):
        if maps.shape[-1] == size // 2:
            maps = attended(maps, generator.attention)
        condition = torch.cat((generator.embedding.weight[labels], part), dim=1)
        inner = by(block.conv_1, grown(conditioned(maps, condition, block.norm_1).clamp(min=0)))
        inner = by(block.conv_2, conditioned(inner, condition, block.norm_2).clamp(min=0))
        maps = by(block.shortcut, grown(maps)) + inner
    expected = by(last, normalised(maps, norm).clamp(min=0)).tanh()
    torch.testing.assert_close(generator(latents, labels), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("size", "halvings", "blocks"), [(32, 2, 4), (64, 4, 5), (128, 5, 6)])
def test_the_discriminator_is_the_papers_in_float64(size: int, halvings: int, blocks: int) -> None:
    torch.manual_seed(0)
    discriminator = shaken(players(size, 2, 5)[1]).eval()
    maps = images = torch.rand(3, 3, size, size, dtype=torch.float64)
    labels = torch.tensor([4, 0, 4])
    found = layers(discriminator, Down)
    assert len(found) == blocks
    for index, block in enumerate(found):
        first, second, *shortcut = layers(block, nn.Conv2d)
        inner = by(second, by(first, maps.clamp(min=0) if index else maps).clamp(min=0))
        carried = by(*shortcut, maps) if shortcut else maps
        maps = means(inner) + means(carried) if index < halvings else inner + carried
        if index == 0:
            maps = attended(maps, discriminator.features[1])
    features = maps.clamp(min=0).sum((2, 3))
    expected = features @ weight_of(discriminator.output).T + discriminator.output.bias
    expected += (features * weight_of(discriminator.vectors)[labels]).sum(1, keepdim=True)
    assert expected.std() > 1e-3
    torch.testing.assert_close(discriminator(images, labels), expected, rtol=1e-12, atol=1e-12)


def test_spectral_norm_is_on_every_layer_but_the_generators_classes() -> None:
    generator, discriminator = players(32, 4, 5, 8, embedding_dim=3)
    with torch.no_grad():
        for player, inputs in ((generator, torch.randn(2, 8)), (discriminator, torch.randn(2, 3, 32, 32))):
            for weight in player.parameters():
                weight.mul_(3)
            for _ in range(100):
                player(inputs, torch.tensor([0, 4]))
    weighted = [layer for player in (generator, discriminator) for layer in layers(player, nn.Conv2d, nn.Linear)]
    for layer in (*weighted, discriminator.vectors):
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, rel=0.02)
    assert not is_parametrized(generator.embedding)


def test_first_weights_are_orthogonal() -> None:
    for player in players(32, 4, 5):
        for layer in layers(player, nn.Conv2d, nn.Linear, nn.Embedding):
            weight = (layer.parametrizations.weight.original if is_parametrized(layer) else layer.weight).flatten(1)
            product = weight @ weight.T if len(weight) <= weight.shape[1] else weight.T @ weight
            torch.testing.assert_close(product, torch.eye(len(product)), rtol=0, atol=1e-5)
            assert getattr(layer, "bias", None) is None or not layer.bias.any()


def test_attention_begins_as_the_identity_and_has_a_second_gradient() -> None:
    layer, maps = biggan.SelfAttention(8), torch.randn(2, 8, 4, 4, requires_grad=True)
    assert torch.equal(layer(maps), maps)
    layer.gain.data.fill_(1)
    (gradient,) = torch.autograd.grad(layer(maps).square().sum(), maps, create_graph=True)
    gradient.square().sum().backward()
    assert maps.grad.isfinite().all()


@pytest.mark.parametrize(("latent_dim", "parts"), [(8, [2, 2, 2, 2]), (10, [3, 3, 2, 2]), (3, [1, 1, 1, 0])])
def test_any_latent_is_cut_as_evenly_as_can_be(latent_dim: int, parts: list[int]) -> None:
    generator, _ = players(32, 2, 5, latent_dim)
    assert generator.parts == parts
    assert generator(torch.randn(2, latent_dim), torch.tensor([0, 4])).shape == (2, 3, 32, 32)


def test_an_image_depends_on_its_label_and_its_logit_on_no_other_image() -> None:
    torch.manual_seed(0)
    generator, discriminator = (player.eval() for player in players(32, 4, 5))
    latents, labels = torch.randn(3, 120), torch.tensor([0, 1, 2])
    images = generator(latents, labels)
    changed = generator(latents, torch.tensor([0, 1, 3])) != images
    assert changed.flatten(1).any(1).tolist() == [False, False, True]
    logits = discriminator(images, labels)
    torch.testing.assert_close(discriminator(images[:1], labels[:1]), logits[:1])
    assert discriminator.batch_independent
    assert not torch.allclose(discriminator(images, labels.flip(0))[0], logits[0])


def test_a_size_without_a_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="must be 32, 64 or 128, not 28$"):
        players(28, 2, 5)


def test_a_blend_of_classes_has_a_blend_of_their_vectors() -> None:
    generator, _ = players(32, 4, 3, latent_dim=8, embedding_dim=5)
    generator = generator.double().eval()
    latents = torch.randn(2, 8, generator=torch.Generator().manual_seed(0)).double()
    whole = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).double()
    with torch.no_grad():
        torch.testing.assert_close(generator(latents, whole), generator(latents, torch.tensor([2, 1])))
        blended = generator(latents, torch.tensor([[0.25, 0.0, 0.75]] * 2).double())
        vectors = generator.embedding.weight
        vectors[0] = 0.25 * vectors[0] + 0.75 * vectors[2]
        torch.testing.assert_close(blended, generator(latents, torch.tensor([0, 0])))
