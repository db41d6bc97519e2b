import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.losses import NonSaturating, RelativisticPairing
from gan_lab.models.acgan import ACGAN
from gan_lab.models.player import PLAYERS, Terms
from gan_lab.models.r3gan import R3GAN
from gan_lab.models.turns import Condition
from gan_lab.models.two_players import Extras, Kind
from gan_lab.networks import mlp
from gan_lab.networks.heads import WithHeads
from gan_lab.networks.labelled import LabelledGenerator
from gan_lab.penalties import R1, R2
from tests.conftest import LATENT_DIM, SIZE, fit, tiny_gan, tiny_network, weights

LN2 = math.log(2)


def tiny_acgan(**options: Any) -> ACGAN:
    torch.manual_seed(0)
    network = {
        "generator": mlp.Generator(latent_dim=LATENT_DIM + 10, hidden=[8], image_size=SIZE, channels=1),
        "discriminator": mlp.Discriminator(hidden=[8], norm="none", image_size=SIZE, channels=1),
    }
    conditioning = {
        "generator": partial(LabelledGenerator, num_classes=10),
        "discriminator": partial(WithHeads, heads={"classes": 10}, image_size=SIZE, channels=1),
    }
    defaults = {"network": network, "conditioning": conditioning, "num_classes": 10, "class_weight": 1.0}
    model = tiny_gan(ACGAN, **defaults | options)
    assert isinstance(model, ACGAN)
    return model


class TwoClasses(nn.Module):
    """Logit 0 for every image, and class logits (its mean, 0)."""

    batch_independent = True

    def forward(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        mean = images.flatten(1).mean(1, keepdim=True)
        return 0 * mean, {"classes": torch.cat((mean, 0 * mean), 1)}


def two_classes() -> ACGAN:
    network = tiny_network() | {"discriminator": TwoClasses()}
    as_they_are = dict.fromkeys(PLAYERS, lambda player: player)
    return tiny_acgan(network=network, conditioning=as_they_are, num_classes=2, class_weight=3)


def test_both_players_pay_for_the_wrong_class_by_numbers_worked_by_hand() -> None:
    """With class logits (ln 3, 0) a softmax gives 3/4 and 1/4, with (-ln 3, 0) it gives 1/4 and 3/4.

    Real images of mean ln 3 with labels 0 and 1 cost -(ln 3/4 + ln 1/4) / 2 = ln 4 - ln(3) / 2. Generated ones of mean
    -ln 3 with the same labels cost as much; with labels 1 and 1 they would cost ln 4/3. A logit of 0 costs ln 2.
    """
    model = two_classes()
    real = torch.full((2, 1, SIZE, SIZE), math.log(3), dtype=torch.float64)
    mixed, ones = torch.tensor([0, 1]), torch.tensor([1, 1])
    expected = 3 * (math.log(4) - math.log(3) / 2)
    found = model.discriminator_terms(real, -real, (mixed,))
    assert {name: term.item() for name, term in found.items()} == pytest.approx(
        {"adversarial": 2 * LN2, "class_real": expected, "class_fake": expected}
    )
    found = model.generator_terms(real, -real, (ones,))
    assert {name: term.item() for name, term in found.items()} == pytest.approx(
        {"adversarial": LN2, "class_fake": 3 * math.log(4 / 3)}
    )


def test_the_labels_reach_the_generator_and_not_the_discriminators_input() -> None:
    model, seen = tiny_acgan(), []
    model.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    before = weights(model)
    fit(model, max_steps=1)
    assert all(len(inputs) == 1 for inputs in seen)
    after = weights(model)
    for name in ("generator.generator.hidden.0.weight", "discriminator.heads.classes.weight"):
        assert not torch.equal(after[name], before[name])


def test_each_turn_makes_one_forward_of_the_discriminator() -> None:
    model, calls = tiny_acgan(), []
    model.discriminator.register_forward_hook(lambda *_: calls.append(1))
    fit(model, max_steps=1)
    assert len(calls) == 2


def test_where_images_meet_each_kind_has_its_own_forward_and_extras() -> None:
    model = tiny_acgan()
    real, fake, labels = torch.randn(3, 1, SIZE, SIZE), torch.randn(3, 1, SIZE, SIZE), torch.tensor([1, 2, 3])
    together = model.discriminator_terms(real, fake, (labels,))
    model.discriminator.batch_independent = False
    apart = model.discriminator_terms(real, fake, (labels,))
    assert together["class_real"] != together["class_fake"]
    torch.testing.assert_close(together, apart)


def test_the_generator_learns_the_class_from_the_head() -> None:
    """With the adversarial loss left out, what flows back through `fake` is the gradient of the cross-entropy."""
    model = tiny_acgan()
    fake, labels = torch.randn(2, 1, SIZE, SIZE, requires_grad=True), torch.tensor([4, 7])
    term = model.generator_terms(fake.detach(), fake, (labels,))["class_fake"]
    (gradient,) = torch.autograd.grad(term, fake)
    _, extras = model.discriminator(fake)
    chances = extras["classes"].softmax(1)
    wrong = chances - nn.functional.one_hot(labels, 10)
    (expected,) = torch.autograd.grad((extras["classes"] * wrong.detach()).sum() / 2, fake)
    torch.testing.assert_close(gradient, expected)


def test_a_penalty_looks_at_logits_alone_and_health_sees_them() -> None:
    model = tiny_acgan(penalty={"r1": R1(gamma=2.0)})
    real, fake, labels = torch.randn(3, 1, SIZE, SIZE), torch.randn(3, 1, SIZE, SIZE), torch.tensor([1, 2, 3])
    terms = model.discriminator_terms(real, fake, (labels,))
    plain = model.discriminator.discriminator
    leaf = real.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(plain(leaf).sum(), leaf)
    torch.testing.assert_close(terms["r1"].detach(), gradient.square().sum() / 3)
    assert list(terms) == ["adversarial", "r1", "class_real", "class_fake"]
    torch.testing.assert_close(model.latest_logits["real"], plain(real).detach())
    torch.testing.assert_close(model.eval_logits(real, (labels,)), plain(real).detach())


class R3GANWithHeads(R3GAN):
    """Relativistic pairs whose discriminator also has to say (0, 0) of every image."""

    def head_terms(self, kind: Kind, extras: Extras, condition: Condition) -> Terms:
        return {f"pose_{kind}": extras["pose"].square().mean()}


@pytest.mark.parametrize("every", [1, 2])
def test_another_variant_with_heads_is_one_class(every: int) -> None:
    network = tiny_network()
    network["discriminator"] = WithHeads(network["discriminator"], heads={"pose": 2}, image_size=SIZE, channels=1)
    penalty = {"r1": R1(gamma=1.0, every=every), "r2": R2(gamma=1.0, every=every)}
    model = tiny_gan(R3GANWithHeads, network=network, objective=RelativisticPairing(), penalty=penalty)
    logged = fit(model, max_steps=2, log_every_n_steps=2).callback_metrics
    for name in ("discriminator/pose_real", "discriminator/pose_fake", "generator/pose_fake"):
        assert logged[f"loss/{name}"] > 0


def test_terms_are_in_full_precision_where_networks_are_not() -> None:
    model = tiny_acgan(objective=NonSaturating(label_smoothing=0.0))
    images = torch.randn(2, 1, SIZE, SIZE)
    with torch.autocast("cpu", torch.bfloat16):
        assert model.discriminator(images)[1]["classes"].dtype == torch.bfloat16
        logits, extras = model.outputs(images, ())
    assert logits.dtype == extras["classes"].dtype == torch.float32
    fit(model, max_steps=2, precision="bf16-mixed")
    assert all(value.isfinite().all() for value in weights(model).values())


def test_samples_are_asked_for_by_class_as_of_cgan() -> None:
    model = tiny_acgan()
    assert model.make_condition(3, 7)[0].tolist() == [7, 7, 7]
    pictures, columns = model.sample_grid(5, 3, seed=1)
    assert (len(pictures), columns) == (30, 3)
