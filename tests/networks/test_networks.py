"""The networks are those of the documents they come from: sizes, norms, first weights."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from gan_lab.networks import dcgan_small, dcgan_transposed, dcgan_upsample, mlp, resnet, translation

Pair = tuple[nn.Module, nn.Module]


def make_mlp(size: int = 28, channels: int = 1) -> Pair:
    return (
        mlp.Generator(latent_dim=100, hidden=[128, 128], image_size=size, channels=channels),
        mlp.Discriminator(hidden=[128, 128], norm="none", image_size=size, channels=channels),
    )


def make_transposed(size: int = 32, channels: int = 1) -> Pair:
    return (
        dcgan_transposed.Generator(latent_dim=100, width=128, image_size=size, channels=channels),
        dcgan_transposed.Discriminator(width=128, norm="batch", image_size=size, channels=channels),
    )


def make_upsample(size: int = 28, channels: int = 1) -> Pair:
    return (
        dcgan_upsample.Generator(latent_dim=100, width=64, image_size=size, channels=channels),
        dcgan_upsample.Discriminator(width=32, dropout=0.25, norm="batch", image_size=size, channels=channels),
    )


def make_small(size: int = 28, channels: int = 1) -> Pair:
    return (
        dcgan_small.Generator(latent_dim=100, width=32, image_size=size, channels=channels),
        dcgan_small.Discriminator(width=32, norm="batch", image_size=size, channels=channels),
    )


def layers(module: nn.Module, *kinds: type[nn.Module]) -> list[nn.Module]:
    return [layer for layer in module.modules() if isinstance(layer, kinds)]


@pytest.mark.parametrize(
    ("make", "size", "channels"),
    [
        (make_mlp, 28, 1),
        (make_mlp, 12, 3),
        (make_transposed, 32, 1),
        (make_transposed, 64, 3),
        (make_transposed, 8, 1),
        (make_upsample, 28, 1),
        (make_upsample, 32, 3),
        (make_small, 28, 1),
        (make_small, 64, 3),
    ],
)
def test_players_fit_each_other_and_the_images(make: Callable[..., Pair], size: int, channels: int) -> None:
    generator, discriminator = make(size, channels)
    images = generator(torch.randn(2, 100))
    assert images.shape == (2, channels, size, size)
    assert images.abs().max() <= 1
    assert discriminator(images).shape == (2, 1)


@pytest.mark.parametrize("make", [make_mlp, make_transposed, make_upsample, make_small])
def test_discriminators_end_in_a_logit_not_a_probability(make: Callable[..., Pair]) -> None:
    _, discriminator = make()
    assert not layers(discriminator, nn.Sigmoid)


def test_mlp_layers() -> None:
    generator, discriminator = make_mlp()
    assert [(layer.in_features, layer.out_features) for layer in layers(generator, nn.Linear)] == [
        (100, 128),
        (128, 128),
        (128, 784),
    ]
    assert [(layer.in_features, layer.out_features) for layer in layers(discriminator, nn.Linear)] == [
        (784, 128),
        (128, 128),
        (128, 1),
    ]
    for player in (generator, discriminator):
        assert [layer.negative_slope for layer in layers(player, nn.LeakyReLU)] == [0.2, 0.2]


def test_transposed_layers() -> None:
    generator, discriminator = make_transposed()
    up = layers(generator, nn.ConvTranspose2d)
    assert [(layer.in_channels, layer.out_channels) for layer in up] == [(100, 512), (512, 256), (256, 128), (128, 1)]
    assert [layer.stride[0] for layer in up] == [1, 2, 2, 2]
    assert {layer.kernel_size for layer in up} == {(4, 4)}
    assert all(layer.bias is None for layer in up)
    assert [norm.num_features for norm in layers(generator, nn.BatchNorm2d)] == [512, 256, 128]
    down = layers(discriminator, nn.Conv2d)
    assert [(layer.in_channels, layer.out_channels) for layer in down] == [(1, 128), (128, 256), (256, 512), (512, 1)]
    assert [norm.num_features for norm in layers(discriminator, nn.BatchNorm2d)] == [256, 512]


def test_upsample_layers() -> None:
    generator, discriminator = make_upsample()
    assert layers(generator, nn.Linear)[0].out_features == 128 * 7 * 7
    assert [(c.in_channels, c.out_channels) for c in layers(generator, nn.Conv2d)] == [(128, 128), (128, 64), (64, 1)]
    convolutions = layers(discriminator, nn.Conv2d)
    assert [c.out_channels for c in convolutions] == [32, 64, 128, 256]
    assert [c.stride[0] for c in convolutions] == [2, 2, 2, 1]
    assert [dropout.p for dropout in layers(discriminator, nn.Dropout)] == [0.25] * 4
    assert layers(discriminator, nn.Linear)[0].in_features == 256 * 4 * 4
    assert [norm.num_features for norm in layers(discriminator, nn.BatchNorm2d)] == [64, 128, 256]


def test_upsample_pads_seven_to_eight() -> None:
    _, discriminator = make_upsample()
    shapes = []
    for layer in layers(discriminator, nn.Conv2d, nn.ZeroPad2d):
        layer.register_forward_hook(lambda _m, _i, output: shapes.append(output.shape[-1]))
    discriminator(torch.zeros(2, 1, 28, 28))
    assert shapes == [14, 7, 8, 4, 4]


def test_keras_momentum_is_translated_and_eps_left_alone() -> None:
    for player in make_upsample():
        for norm in layers(player, nn.BatchNorm2d):
            assert norm.momentum == pytest.approx(1 - 0.8)
            assert norm.eps == 1e-5


@pytest.mark.parametrize("make", [make_transposed, make_upsample, make_small])
def test_convolutional_players_start_as_dcgan_says(make: Callable[..., Pair]) -> None:
    torch.manual_seed(0)
    for player in make():
        weights = [layer.weight for layer in layers(player, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)]
        pooled = torch.cat([weight.flatten() for weight in weights])
        assert pooled.std().item() == pytest.approx(0.02, rel=0.02)
        assert pooled.mean().abs() < 1e-3
        for norm in layers(player, nn.BatchNorm2d):
            assert norm.weight.mean().item() == pytest.approx(1, abs=0.02)
            assert norm.weight.std().item() == pytest.approx(0.02, rel=0.6)
            assert norm.bias.eq(0).all()
        for layer in layers(player, nn.Conv2d, nn.ConvTranspose2d, nn.Linear):
            assert layer.bias is None or layer.bias.eq(0).all()


@pytest.mark.parametrize(
    ("make", "size"), [(make_transposed, 28), (make_transposed, 4), (make_upsample, 30), (make_small, 2)]
)
def test_a_size_that_no_stack_of_doublings_reaches_is_refused(make: Callable[..., Pair], size: int) -> None:
    with pytest.raises(ValueError, match=f"the image size must be .*not {size}$"):
        make(size)


def test_who_claims_to_score_each_image_alone_does() -> None:
    for make in (make_mlp, make_transposed, make_upsample, make_small):
        _, discriminator = make()
        size = 32 if make is make_transposed else 28
        images = torch.randn(6, 1, size, size)
        if getattr(discriminator, "batch_independent", False):
            torch.testing.assert_close(discriminator(images)[:2], discriminator(images[:2]))
        else:
            assert not torch.allclose(discriminator(images)[:2], discriminator(images[:2]))


NORM_LAYERS: dict[str, tuple[type[nn.Module], ...]] = {
    "batch": (nn.BatchNorm1d, nn.BatchNorm2d),
    "layer": (nn.LayerNorm, nn.GroupNorm),
    "instance": (nn.InstanceNorm2d,),
}


def make_discriminator(kind: str, norm: Any) -> nn.Module:
    makers: dict[str, Callable[[], nn.Module]] = {
        "mlp": lambda: mlp.Discriminator(hidden=[8], norm=norm, image_size=16, channels=1),
        "small": lambda: dcgan_small.Discriminator(width=4, norm=norm, image_size=16, channels=1),
        "upsample": lambda: dcgan_upsample.Discriminator(width=4, dropout=0.0, norm=norm, image_size=16, channels=1),
        "transposed": lambda: dcgan_transposed.Discriminator(width=4, norm=norm, image_size=16, channels=1),
        "resnet": lambda: resnet.Discriminator(
            width=4, max_width=8, blocks=1, group_size=4, norm=norm, image_size=16, channels=1
        ),
        "patch": lambda: translation.PatchGAN(width=4, layers=2, norm=norm, channels=1),
    }
    torch.manual_seed(0)
    return makers[kind]()


KINDS = ["mlp", "small", "upsample", "transposed", "resnet", "patch"]
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


def sum_of_norms() -> tuple[type[nn.Module], ...]:
    return tuple(kind for kinds in NORM_LAYERS.values() for kind in kinds)


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


def make_resnet(size: int = 28, channels: int = 1, norm: Any = "none") -> Pair:
    sizes = {"width": 8, "max_width": 32, "blocks": 1, "group_size": 8, "image_size": size, "channels": channels}
    return resnet.Generator(latent_dim=100, **sizes), resnet.Discriminator(norm=norm, **sizes)


@pytest.mark.parametrize(("size", "channels", "stages"), [(28, 1, 3), (32, 3, 4), (64, 3, 5), (20, 1, 3), (8, 1, 2)])
def test_residual_players_fit_each_other_and_the_images(size: int, channels: int, stages: int) -> None:
    generator, discriminator = make_resnet(size, channels)
    images = generator(torch.randn(2, 100))
    assert images.shape == (2, channels, size, size)
    assert discriminator(images).shape == (2, 1)
    for player in (generator, discriminator):
        assert len(layers(player, resnet.Block)) == stages


def test_residual_players_have_no_norm_and_fixed_resampling() -> None:
    for player in make_resnet():
        assert not layers(player, *sum_of_norms())
        convolutions = layers(player, nn.Conv2d)
        assert not layers(player, nn.ConvTranspose2d)
        assert {layer.stride for layer in convolutions} == {(1, 1)}
    generator, _ = make_resnet()
    assert not layers(generator, nn.Tanh), "as in the paper nothing bounds the output"


def test_a_block_starts_as_the_identity_and_is_an_inverted_bottleneck() -> None:
    block = resnet.Block(width=8, group_size=4, blocks=3, norm="none")
    maps = torch.randn(2, 8, 5, 5)
    assert torch.equal(block(maps), maps)
    into, grouped, back = layers(block, nn.Conv2d)
    assert [(layer.in_channels, layer.out_channels) for layer in (into, grouped, back)] == [(8, 16), (16, 16), (16, 8)]
    assert grouped.groups == 4
    assert grouped.kernel_size == (3, 3)


def test_residual_initialisation_by_hand() -> None:
    """N(0, gain^2 / fan-in), gain = sqrt(2 / (1 + 0.2^2)) L^(-1/4) for the first two layers of each of L blocks."""
    torch.manual_seed(0)
    into, grouped, _ = layers(resnet.Block(width=256, group_size=64, blocks=16, norm="none"), nn.Conv2d)
    gain = (2 / 1.04) ** 0.5 / 2
    assert into.weight.std().item() == pytest.approx(gain / 256**0.5, rel=0.02)
    assert grouped.weight.std().item() == pytest.approx(gain / (64 * 9) ** 0.5, rel=0.02)


def test_bilinear_resampling_by_hand() -> None:
    up, down = resnet.Upsample(1, 1), resnet.Downsample(1, 1)
    for layer in (up, down):
        nn.init.ones_(layer[0].weight)
    assert up(torch.tensor([[[[0.0, 4.0]]]]))[0, 0, 0].tolist() == [0, 1, 3, 4]
    assert down(torch.tensor([[[[0.0, 4.0], [2.0, 2.0]]]])).flatten().tolist() == [2]


@pytest.mark.parametrize("size", [4, 18, 30, 7])
def test_a_size_that_does_not_halve_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"4, 5, 6 or 7 doubled once or more .* not {size}"):
        make_resnet(size)


def test_translators_are_those_of_the_paper() -> None:
    players = translation.Translators(width=64, blocks=6, image_size=128, channels=3)
    for player in (players.a2b, players.b2a):
        down = [layer for layer in player if isinstance(layer, nn.Conv2d)]
        assert [(c.in_channels, c.out_channels, c.kernel_size[0], c.stride[0]) for c in down] == [
            (3, 64, 7, 1),
            (64, 128, 3, 2),
            (128, 256, 3, 2),
            (64, 3, 7, 1),
        ]
        up = layers(player, nn.ConvTranspose2d)
        assert [(c.in_channels, c.out_channels, c.stride[0]) for c in up] == [(256, 128, 2), (128, 64, 2)]
        assert len(layers(player, translation.Residual)) == 6
        assert not layers(player, nn.BatchNorm2d)


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 28), (3, 64)])
def test_translations_have_the_shape_of_what_is_translated(channels: int, size: int) -> None:
    players = translation.Translators(width=4, blocks=1, image_size=size, channels=channels)
    images = torch.randn(4, channels, size, size)
    translated = players(images)
    assert translated.shape == images.shape
    assert translated.abs().max() <= 1
    torch.testing.assert_close(translated[:2], players.b2a(images[2:]))
    torch.testing.assert_close(translated[2:], players.a2b(images[:2]))


@pytest.mark.parametrize(("layer_count", "field"), [(2, 34), (3, 70)])
def test_a_patch_has_the_size_it_is_said_to_have(layer_count: int, field: int) -> None:
    patches = translation.PatchGAN(channels=1, width=2, layers=layer_count, norm="none")
    images = torch.zeros(1, 1, 128, 128, requires_grad=True)
    scores = patches(images)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], images)
    assert (gradient[0, 0].abs().sum(0) > 0).sum().item() == field


def test_the_patchgan_of_the_paper() -> None:
    convolutions = layers(translation.PatchGAN(channels=3, width=64, layers=3, norm="instance"), nn.Conv2d)
    assert [(c.out_channels, c.stride[0]) for c in convolutions] == [(64, 2), (128, 2), (256, 2), (512, 1), (1, 1)]


def test_too_many_patch_layers_are_refused_with_a_number_that_fits() -> None:
    with pytest.raises(ValueError, match="layers=3 or less"):
        translation.PatchGANs(width=2, layers=5, norm="none", image_size=28, channels=1)
    patches = translation.PatchGANs(width=2, layers=3, norm="instance", image_size=28, channels=1)
    assert patches(torch.zeros(4, 1, 28, 28)).shape[:2] == (4, 1)


@pytest.mark.parametrize("width", [1, 3, 14, 28])
def test_any_width_makes_groups(width: int) -> None:
    block = resnet.Block(width=width, group_size=16, blocks=1, norm="none")
    assert block(torch.randn(1, width, 4, 4)).shape == (1, width, 4, 4)
