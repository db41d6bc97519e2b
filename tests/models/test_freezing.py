"""A frozen lower part: which layers it has, and that training leaves them alone."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_lab.models.cgan import CGAN
from gan_lab.models.freezing import freeze_lowest, layers
from gan_lab.networks import dcgan_small
from gan_lab.penalties import R1
from gan_lab.runs.checkpoint_check import check_state
from tests.conftest import LATENT_DIM, SIZE, fit, same, tiny_cgan, tiny_gan, weights
from tests.models.test_cyclegan import tiny_cyclegan


def learning(network: nn.Module) -> list[str]:
    return [name for name, parameter in network.named_parameters() if parameter.requires_grad]


def test_a_norm_belongs_to_the_layer_below_it_and_a_bias_to_its_weight() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), spectral_norm(nn.Linear(2, 2)), nn.Linear(2, 1))
    assert [[tuple(p.shape) for p in layer] for layer in layers(network)] == [
        [(2, 1, 3, 3), (2,), (2,), (2,)],
        [(2,), (2, 2)],
        [(1, 2), (1,)],
    ]
    freeze_lowest(network, 2)
    assert learning(network) == ["3.weight", "3.bias"]


@pytest.mark.parametrize("count", [3, 9])
def test_a_discriminator_that_would_not_learn_is_refused(count: int) -> None:
    network = {
        "generator": dcgan_small.Generator(latent_dim=LATENT_DIM, width=2, image_size=SIZE, channels=1),
        "discriminator": dcgan_small.Discriminator(width=2, norm="none", image_size=SIZE, channels=1),
    }
    message = f"freeze_discriminator={count} leaves nothing to learn: the discriminator has 3 layers"
    with pytest.raises(ValueError, match=message):
        tiny_gan(network=network, freeze_discriminator=count)


adam = dict.fromkeys(("generator", "discriminator"), partial(torch.optim.Adam, lr=1e-2))


def test_frozen_layers_keep_their_bits_and_the_others_learn() -> None:
    model = tiny_gan(freeze_discriminator=1, penalty={"r1": R1(gamma=1.0)}, optimizer=adam, n_critic=2)
    before = weights(model.discriminator)
    fit(model, max_steps=4)
    moved = {name for name, value in weights(model.discriminator).items() if not torch.equal(value, before[name])}
    assert moved == {"output.weight", "output.bias"} == set(learning(model.discriminator))


@pytest.mark.bits
@pytest.mark.parametrize("make", [tiny_gan, partial(tiny_cgan, "projection")], ids=["images", "labels"])
def test_a_resumed_run_ends_with_the_same_bits(make: Callable[..., CGAN], tmp_path: Path) -> None:
    def frozen(seed: int = 0) -> CGAN:
        torch.manual_seed(seed)
        return make(freeze_discriminator=1, optimizer=adam, init_seed=seed)

    whole = frozen()
    fit(whole, max_steps=8)
    fit(frozen(), max_steps=4).save_checkpoint(tmp_path / "half.ckpt")
    resumed = frozen(5)
    trainer = fit(resumed, max_steps=8, ckpt_path=tmp_path / "half.ckpt")
    assert same(weights(resumed), weights(whole))
    trainer.save_checkpoint(tmp_path / "end.ckpt")
    check_state(torch.load(tmp_path / "end.ckpt", weights_only=True), frozen(6), trainer, "end.ckpt")


def test_each_of_cyclegans_discriminators_keeps_its_own_lower_part() -> None:
    model = tiny_cyclegan(freeze_discriminator=1)
    first = [name for domain in "ab" for name in (f"{domain}.features.0.weight", f"{domain}.features.0.bias")]
    names = [name for name, _ in model.discriminator.named_parameters()]
    assert learning(model.discriminator) == [name for name in names if name not in first]
