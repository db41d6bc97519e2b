from functools import partial

import pytest
import torch
from torch import Tensor, nn

from gan_lab.networks import biggan, dcgan_transposed, heads, mlp

SIZE = 8


def with_heads(discriminator: nn.Module | None = None, norm: str = "none") -> heads.WithHeads:
    torch.manual_seed(0)
    plain = discriminator or mlp.Discriminator(hidden=[5], norm=norm, image_size=SIZE, channels=1)
    return heads.WithHeads(plain, heads={"classes": 3, "pose": 2}, image_size=SIZE, channels=1)


def test_heads_are_linear_maps_of_the_features_that_the_logit_comes_from() -> None:
    """Features (1, 2, 0, 0, -1) by hand: a head's row of weights times these, and its bias."""

    class Fixed(nn.Module):
        def features(self, images: Tensor) -> Tensor:
            return torch.tensor([1.0, 2.0, 0.0, 0.0, -1.0]).expand(len(images), -1)

        def output(self, features: Tensor) -> Tensor:
            return features.sum(1, keepdim=True)

    model = with_heads(Fixed())
    with torch.no_grad():
        model.heads["classes"].weight.copy_(torch.arange(15.0).view(3, 5))
        model.heads["classes"].bias.copy_(torch.tensor([0.0, 10.0, 0.0]))
    logits, extras = model(torch.zeros(2, 1, SIZE, SIZE))
    assert logits.tolist() == [[2.0]] * 2
    assert extras["classes"].tolist() == [[-2.0, 18.0, 18.0]] * 2  # 0 + 2 - 4, 5 + 12 - 9 + 10, 10 + 22 - 14
    assert extras["pose"].shape == (2, 2)


def test_one_forward_of_the_body_serves_logits_and_heads() -> None:
    model, calls = with_heads(), []
    model.discriminator.features.register_forward_hook(lambda *_: calls.append(1))
    images = torch.randn(4, 1, SIZE, SIZE)
    logits, _ = model(images)
    assert len(calls) == 1
    assert torch.equal(logits, model.discriminator(images)), "the plain discriminator's"


def test_features_may_be_maps() -> None:
    plain = dcgan_transposed.Discriminator(width=2, norm="none", image_size=32, channels=1, max_width=4)
    model = heads.WithHeads(plain, heads={"classes": 3}, image_size=32, channels=1)
    assert model(torch.zeros(2, 1, 32, 32))[1]["classes"].shape == (2, 3)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_it_says_of_its_batch_what_the_plain_one_says(norm: str) -> None:
    assert with_heads(norm=norm).batch_independent == (norm == "layer")


def test_a_discriminator_without_features_is_refused_and_so_is_one_that_takes_labels() -> None:
    wrap = partial(heads.WithHeads, heads={"classes": 3}, image_size=32, channels=1)
    with pytest.raises(ValueError, match="which Flatten lacks: choose another model/network"):
        wrap(nn.Flatten())
    with pytest.raises(ValueError, match="take labels themselves.*: choose another model/network"):
        wrap(biggan.Discriminator(width=2, num_classes=3, image_size=32, channels=1))
