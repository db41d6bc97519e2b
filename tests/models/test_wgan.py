from typing import Any

import pytest
import torch
from torch import Tensor

from gan_lab.losses import Hinge, Wasserstein
from gan_lab.models.wgan import WGAN
from gan_lab.networks import mlp, stylegan2
from tests.conftest import SIZE, fit, same, tiny_gan, tiny_network, weights


def tiny_wgan(cls: type[WGAN] = WGAN, **options: Any) -> WGAN:
    model = tiny_gan(cls, **{"objective": Wasserstein(), "clip": 0.01} | options)
    assert isinstance(model, WGAN)
    return model


def test_the_critics_weights_are_clipped_after_its_step() -> None:
    largest: list[float] = []

    class Watched(WGAN):
        def generator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> dict[str, Tensor]:
            largest.append(max(parameter.abs().max().item() for parameter in self.discriminator.parameters()))
            return super().generator_terms(real, fake, condition)

    model = tiny_wgan(Watched)
    fit(model, max_steps=3)
    # Exactly at the bound: clipped after the step, with which a rate of 0.1 leaves it.
    assert largest == [pytest.approx(0.01)] * 3
    assert max(p.abs().max().item() for p in model.generator.parameters()) > 0.01


def test_clipping_by_hand() -> None:
    model = tiny_wgan(clip=0.5)
    with torch.no_grad():
        for parameter in model.discriminator.parameters():
            parameter.copy_(torch.linspace(-2, 2, parameter.numel()).view_as(parameter))
    expected = {name: value.clamp(-0.5, 0.5) for name, value in weights(model.discriminator).items()}
    before = weights(model.generator)
    model.after_discriminator_step()
    assert same(weights(model.discriminator), expected)
    assert same(weights(model.generator), before)


def test_without_a_clip_no_weight_is_cut_off() -> None:
    model = tiny_wgan(clip=None)
    before = weights(model)
    model.after_discriminator_step()
    assert same(weights(model), before)


@pytest.mark.parametrize("objective", [Wasserstein(), Hinge()], ids=lambda objective: type(objective).__name__)
def test_any_objective_trains_under_clipped_weights(objective: Any) -> None:
    model = tiny_wgan(objective=objective)
    fit(model, max_steps=2)
    assert max(parameter.abs().max().item() for parameter in model.discriminator.parameters()) <= 0.01 + 1e-9


def test_clipping_under_spectral_norm_is_refused() -> None:
    spectral = mlp.Discriminator(hidden=[4], norm="spectral", image_size=SIZE, channels=1)
    with pytest.raises(ValueError, match="set model.clip=null"):
        tiny_wgan(network=tiny_network() | {"discriminator": spectral})
    tiny_wgan(network=tiny_network() | {"discriminator": spectral}, clip=None)


def test_clipping_an_equalised_critic_is_refused() -> None:
    sizes = {"channel_base": 32, "channel_max": 2, "image_size": SIZE, "channels": 1}
    critic = stylegan2.Discriminator(stddev_group=1, norm="none", **sizes)
    with pytest.raises(ValueError, match="choose model=wgan_gp"):
        tiny_wgan(network=tiny_network() | {"discriminator": critic})
    tiny_wgan(network=tiny_network() | {"discriminator": critic}, clip=None)


def test_frozen_layers_are_not_clipped() -> None:
    model = tiny_wgan(freeze_discriminator=1)
    before = weights(model.discriminator)
    fit(model, max_steps=2)
    after = weights(model.discriminator)
    frozen = [name for name, parameter in model.discriminator.named_parameters() if not parameter.requires_grad]
    assert frozen
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    assert max(before[name].abs().max().item() for name in frozen) > 0.01
