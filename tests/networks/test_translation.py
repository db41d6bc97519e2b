import pytest
import torch
from torch import nn

from gan_lab.networks import translation
from tests.networks.players import layers, loud


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
    torch.testing.assert_close(translated[:2], players.b2a(images[2:]))
    torch.testing.assert_close(translated[2:], players.a2b(images[:2]))
    assert 0.99 < loud(players)(images).abs().max() <= 1


def test_too_many_patch_layers_are_refused_with_a_number_that_fits() -> None:
    with pytest.raises(ValueError, match="layers=3 or less"):
        translation.PatchGANs(width=2, layers=5, norm="none", image_size=28, channels=1)
    patches = translation.PatchGANs(width=2, layers=3, norm="instance", image_size=28, channels=1)
    assert patches(torch.zeros(4, 1, 28, 28)).shape[:2] == (4, 1)


@pytest.mark.parametrize("other", [8, 12])
def test_a_translator_takes_the_sizes_that_it_names(other: int) -> None:
    translator = translation.Translator(channels=1, width=2, blocks=1)
    assert translator(torch.randn(1, 1, translator.least, other)).shape == (1, 1, 8, other)
    with pytest.raises(RuntimeError):
        translator(torch.randn(1, 1, translator.least - translator.multiple, other))
