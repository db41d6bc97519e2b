from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.losses import NonSaturating, RelativisticPairing
from gan_lab.models.r3gan import R3GAN
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.penalties import R1, R2, GradientPenalty
from gan_lab.utils.batches import LabelledImages
from tests.conftest import SIZE, TinyImages, fit, tiny_gan, tiny_network

PENALTY = {"r1": R1(gamma=0.5), "r2": R2(gamma=0.7)}


def tiny_r3gan(**options: Any) -> R3GAN:
    model = tiny_gan(R3GAN, **{"objective": RelativisticPairing(), "penalty": PENALTY} | options)
    assert isinstance(model, R3GAN)
    return model


def test_a_step_with_penalties_equals_the_step_written_out_by_hand() -> None:
    """Float64, SGD, R1 and R2 in closed form: for a linear critic both are |w|^2."""
    model = tiny_r3gan(
        network=tiny_network() | {"discriminator": nn.Sequential(nn.Flatten(), nn.Linear(SIZE**2, 1))},
        penalty={"r1": R1(gamma=0.5), "r2": R2(gamma=0.7)},
        n_critic=2,
    ).double()
    before = model.discriminator[1].weight.detach().clone().requires_grad_()
    seen: list[Tensor] = []
    model.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().clone()))

    class Double(TinyImages):
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            images, labels = super().on_after_batch_transfer(batch, dataloader_idx)
            return LabelledImages(images.double(), labels)

    fit(model, Double(), max_steps=1, precision="64-true")
    real, fake = seen
    gap = (real - fake).flatten(1) @ before[0]
    loss = nn.functional.softplus(-gap).mean() + (0.5 + 0.7) / 2 * before.square().sum()
    (gradient,) = torch.autograd.grad(loss, before)
    torch.testing.assert_close(model.discriminator[1].weight, before - 0.1 * gradient, rtol=0, atol=1e-14)


def test_one_forward_of_each_kind_gives_the_terms_that_the_plain_game_takes_two_for() -> None:
    model, calls = tiny_r3gan(), []
    real, fake = torch.randn(3, 1, SIZE, SIZE), torch.randn(3, 1, SIZE, SIZE)
    plain = VanillaGAN.discriminator_terms(model, real, fake, ())
    latest = model.latest_logits
    model.discriminator.register_forward_hook(lambda *_: calls.append(1))
    terms = model.discriminator_terms(real, fake, ())
    assert len(calls) == 2
    assert list(terms) == list(plain) == ["adversarial", "r1", "r2"]
    for name, term in terms.items():
        torch.testing.assert_close(term, plain[name])
    for kind, logits in model.latest_logits.items():
        torch.testing.assert_close(logits, latest[kind])


@pytest.mark.parametrize("penalty", [{}, {"r1": R1(gamma=1.0)}, PENALTY | {"gp": GradientPenalty(weight=1.0)}])
def test_other_penalties_are_refused_with_the_way_out(penalty: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"choose model/penalty=r1_r2, or for others model=dcgan"):
        tiny_r3gan(penalty=penalty)


def test_another_objective_takes_its_place() -> None:
    model = tiny_r3gan(objective=NonSaturating(label_smoothing=0.0))
    real, fake = torch.randn(3, 1, SIZE, SIZE), torch.randn(3, 1, SIZE, SIZE)
    expected = nn.functional.softplus(-model.discriminator(real)).mean()
    expected = expected + nn.functional.softplus(model.discriminator(fake)).mean()
    torch.testing.assert_close(model.discriminator_terms(real, fake, ())["adversarial"], expected)


@pytest.mark.bits
def test_logits_of_both_kinds_are_in_float32() -> None:
    model = tiny_r3gan()
    images = torch.randn(4, 1, SIZE, SIZE)
    with torch.autocast("cpu", torch.bfloat16):
        model.discriminator_terms(images, images.clone(), ())
    assert torch.equal(model.latest_logits["real"], model.latest_logits["fake"])
