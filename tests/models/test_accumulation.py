"""A batch in parts against the whole batch."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from gan_lab.augment.diffaugment import DiffAugment
from gan_lab.losses import RelativisticPairing, Wasserstein
from gan_lab.models import accumulation
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.latent import LatentGAN
from gan_lab.models.player import PLAYERS
from gan_lab.models.r3gan import R3GAN
from gan_lab.models.stylegan2 import StyleGAN2
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.networks import stylegan2, translation
from gan_lab.networks.patchgan import PatchGAN
from gan_lab.penalties import DRAGAN, R1, R2, GradientPenalty
from gan_lab.stabilisers import BalancedConsistency, TopK
from tests.conftest import LATENT_DIM, SIZE, fit, sgd, tiny_gan, weights
from tests.distributed.games import GAMES, PATH_LENGTHS, calm_pix2pix, data_for, in_double, tiny_dcgan
from tests.models.test_cyclegan import tiny_cyclegan
from tests.models.test_scheduled import everything

BATCH = 8
STEPS = 6
STYLES = {"channel_base": 32, "channel_max": 2, "image_size": SIZE, "channels": 1}


def pooled_cyclegan() -> AdversarialModule:
    """With pools that fill up within a batch."""
    network = {
        "generator": translation.Translators(width=2, blocks=1, image_size=32, channels=1),
        "discriminator": translation.PatchGANs(width=2, layers=1, norm="instance", image_size=32, channels=1),
    }
    return tiny_cyclegan(network=network, optimizer=dict.fromkeys(PLAYERS, sgd(1e-4)), pool_size=12, image_size=32)


def noisy_stylegan2(cls: type[LatentGAN] = VanillaGAN, **options: Any) -> AdversarialModule:
    network = {
        "generator": stylegan2.Generator(latent_dim=LATENT_DIM, w_dim=4, mapping_layers=2, mixing=0.9, **STYLES),
        "discriminator": stylegan2.Discriminator(stddev_group=1, norm="none", **STYLES),
    }
    for layer in network["generator"].layers:
        nn.init.constant_(layer.noise_strength, 0.1)
    return tiny_gan(cls, network=network, **options)


PAIRS = {"objective": RelativisticPairing(), "penalty": {"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)}}
MORE: dict[str, Callable[[], AdversarialModule]] = {
    "around real images": lambda: tiny_gan(penalty={"dragan": DRAGAN(weight=1.0, noise=0.3)}),
    "lazy": lambda: tiny_gan(
        R3GAN, objective=RelativisticPairing(), penalty={"r1": R1(gamma=1.0, every=3), "r2": R2(gamma=1.0, every=2)}
    ),
    "noise of its own": lambda: tiny_gan(R3GAN, **PAIRS, generator_batch="noise", n_generator=2),
    "batch of its own": lambda: tiny_gan(R3GAN, **PAIRS, generator_batch="own"),
    "augmented": lambda: tiny_gan(
        objective=Wasserstein(),
        penalty={"gradient_penalty": GradientPenalty(weight=1.0)},
        augment=DiffAugment(policy=["colour", "translation", "cutout"], fill=0.0),
    ),
    "consistent": lambda: tiny_gan(
        stabiliser={
            "bcr": BalancedConsistency(
                real_weight=1.0, fake_weight=2.0, augment=DiffAugment(policy=["translation", "cutout"], fill=0.0)
            )
        }
    ),
    "all by schedules": everything,
    "dropout": lambda: calm_pix2pix(dropout=0.5),
    "pools": pooled_cyclegan,
    "mixed styles": noisy_stylegan2,
    "path lengths in each step": lambda: noisy_stylegan2(StyleGAN2, **PATH_LENGTHS | {"path_length_every": 1}),
    "path lengths of some parts": lambda: noisy_stylegan2(StyleGAN2, **PATH_LENGTHS | {"path_length_shrink": 5}),
}


def trained(make: Callable[[], AdversarialModule], parts: int) -> tuple[AdversarialModule, dict[str, float]]:
    torch.manual_seed(0)
    model = make()
    model.parts = parts
    trainer = fit(
        model, in_double(data_for(model, BATCH)), max_steps=STEPS, precision="64-true", log_every_n_steps=STEPS
    )
    logged = {name: float(value) for name, value in trainer.callback_metrics.items() if name != "images_per_second"}
    return model, logged


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("game", [*GAMES, *MORE])
def test_a_step_in_parts_is_that_of_the_whole_batch(game: str, parts: int) -> None:
    make = (GAMES | MORE)[game]
    (whole, logged), (divided, logged_in_parts) = trained(make, 1), trained(make, parts)
    apart = weights(divided)
    for name, expected in weights(whole).items():
        if "running_w_mean" not in name:  # a moving mean of w moves more often
            torch.testing.assert_close(apart[name], expected, rtol=1e-12, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")
    assert logged_in_parts == pytest.approx(logged, rel=1e-6, abs=1e-9)  # reports are in float32


def test_each_part_makes_a_forward_of_its_own_images() -> None:
    model, sizes = tiny_gan(), []
    model.parts = 3
    model.generator.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    fit(model, max_steps=1)
    assert sizes == [2, 3, 3, 2, 3, 3]


def test_batch_norm_is_named_as_what_sees_parts_and_nothing_else_is() -> None:
    assert accumulation.whole_batches(tiny_dcgan()) == ["batch norm"]
    assert accumulation.whole_batches(tiny_gan()) == []
    top = {"top_k": TopK(least_share=0.5, images_to_least=1)}
    assert accumulation.whole_batches(tiny_gan(stabiliser=top)) == ["top-k"]
    players = (
        stylegan2.Discriminator(stddev_group=4, norm="none", **STYLES),
        PatchGAN(width=2, layers=1, norm="spectral", image_size=32, channels=1),
    )
    found = accumulation.whole_batches(nn.ModuleList(players))
    assert found == ["spectral norm", "minibatch standard deviation"]


def test_a_batch_smaller_than_its_parts_is_refused() -> None:
    model = tiny_gan()
    model.parts = 9
    with pytest.raises(ValueError, match="accumulate_grad_batches=9 can't split a batch of 8: raise data.batch_size"):
        fit(model, max_steps=1)


def test_a_resumed_run_in_parts_ends_with_the_bits_of_an_uninterrupted_one(tmp_path: Any) -> None:
    def in_parts(seed: int = 0) -> AdversarialModule:
        model = tiny_gan(penalty={"r1": R1(gamma=1.0, every=3)}, init_seed=seed)
        model.parts = 2
        return model

    whole = in_parts()
    fit(whole, max_steps=8)
    fit(in_parts(), max_steps=4).save_checkpoint(tmp_path / "half.ckpt")
    resumed = in_parts(5)
    fit(resumed, max_steps=8, ckpt_path=tmp_path / "half.ckpt")
    found = weights(resumed)
    assert all(torch.equal(found[name], value) for name, value in weights(whole).items())
