import pytest
import torch
from torch import nn

from gan_lab.networks.patchgan import PatchGAN
from tests.networks.players import layers


@pytest.mark.parametrize(("layer_count", "field"), [(2, 34), (3, 70)])
def test_a_patch_has_the_size_it_is_said_to_have(layer_count: int, field: int) -> None:
    patches = PatchGAN(width=2, layers=layer_count, norm="none", image_size=128, channels=1)
    images = torch.zeros(1, 1, 128, 128, requires_grad=True)
    logits = patches(images)
    middle = logits.shape[-1] // 2
    (gradient,) = torch.autograd.grad(logits[0, 0, middle, middle], images)
    assert (gradient[0, 0].abs().sum(0) > 0).sum().item() == field


def test_the_patchgan_of_the_paper() -> None:
    convolutions = layers(PatchGAN(width=64, layers=3, norm="instance", image_size=256, channels=3), nn.Conv2d)
    assert [(c.out_channels, c.stride[0]) for c in convolutions] == [(64, 2), (128, 2), (256, 2), (512, 1), (1, 1)]


def test_too_many_layers_are_refused_with_a_number_that_fits() -> None:
    patches = PatchGAN(width=2, layers=3, norm="none", image_size=28, channels=1)
    assert patches(torch.zeros(4, 1, 28, 28)).shape[:2] == (4, 1)
    with pytest.raises(ValueError, match="layers=3 or less"):
        PatchGAN(width=2, layers=5, norm="none", image_size=28, channels=1)
