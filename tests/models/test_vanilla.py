from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.losses import NonSaturating, RelativisticPairing
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.penalties import R1, R2, GradientPenalty
from gan_lab.utils.batches import LabelledImages
from tests.conftest import SIZE, TinyImages, fit, tiny_gan


def test_the_terms_are_the_losses_of_the_paper() -> None:
    """-E[log D(x)] - E[log(1 - D(G(z)))] for the discriminator, -E[log D(G(z))] for the generator."""
    model = tiny_gan(objective=NonSaturating(label_smoothing=0.0)).double()
    real, fake = torch.randn(2, 3, 1, SIZE, SIZE, dtype=torch.float64)
    of_real, of_fake = (model.discriminator(images).sigmoid() for images in (real, fake))
    expected = -of_real.log().mean() - (1 - of_fake).log().mean()
    torch.testing.assert_close(model.discriminator_terms(real, fake, ()), {"adversarial": expected})
    torch.testing.assert_close(model.generator_terms(real, fake, ()), {"adversarial": -of_fake.log().mean()})


def test_penalties_are_terms_of_the_discriminator_alone() -> None:
    model = tiny_gan(penalty={"r1": R1(gamma=3.0), "gp": GradientPenalty(weight=2.0)})
    logged = fit(model, max_steps=1, log_every_n_steps=1).callback_metrics
    parts = [logged[f"loss/discriminator/{name}"].item() for name in ("adversarial", "r1", "gp")]
    assert logged["loss/discriminator"].item() == pytest.approx(sum(parts))
    assert parts[1] > 0
    assert "loss/generator/r1" not in logged


@pytest.mark.parametrize(
    ("penalty", "forwards"),
    [
        ({}, 1),  # real and generated images together
        ({"gp": GradientPenalty(weight=1.0)}, 2),
        ({"r1": R1(gamma=1.0)}, 2),
        ({"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)}, 3),
    ],
)
def test_each_penalty_takes_one_forward_and_the_loss_one(penalty: dict[str, Any], forwards: int) -> None:
    model, calls = tiny_gan(penalty=penalty), []
    model.discriminator.register_forward_hook(lambda *_: calls.append(1))
    real, fake = torch.randn(3, 1, SIZE, SIZE), torch.randn(3, 1, SIZE, SIZE)
    terms = model.discriminator_terms(real, fake, ())
    assert len(calls) == forwards
    apart = model.objective.discriminator(model.discriminator(real), model.discriminator(fake))
    torch.testing.assert_close(terms["adversarial"], apart)


def test_the_relativistic_generator_compares_with_real_images() -> None:
    model = tiny_gan(objective=RelativisticPairing())
    real, fake = torch.randn(3, 1, SIZE, SIZE), torch.randn(3, 1, SIZE, SIZE, requires_grad=True)
    term = model.generator_terms(real, fake, ())["adversarial"]
    expected = nn.functional.softplus(model.discriminator(real) - model.discriminator(fake)).mean()
    torch.testing.assert_close(term, expected)
    assert torch.autograd.grad(term, fake)[0].abs().sum() > 0


def test_both_kinds_of_images_have_the_range_of_tanh() -> None:
    seen: dict[str, tuple[float, float]] = {}

    class Watched(VanillaGAN):
        def discriminator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> dict[str, Tensor]:
            seen.update(real=(real.min().item(), real.max().item()), fake=(fake.min().item(), fake.max().item()))
            return super().discriminator_terms(real, fake, condition)

    class BlackAndWhite(TinyImages):
        def load(self, split: str) -> LabelledImages:
            images, labels = super().load(split)
            return LabelledImages(images.gt(127).byte() * 255, labels)

    model = tiny_gan(Watched)
    nn.init.constant_(model.generator.output[0].weight, 100.0)  # saturates the tanh
    fit(model, BlackAndWhite(), max_steps=1)
    assert seen["real"] == (-1, 1)
    assert -1 <= seen["fake"][0] < -0.9 or 0.9 < seen["fake"][1] <= 1


def test_the_critics_turn_leaves_no_graph_into_the_generator() -> None:
    attached: list[bool] = []

    class Watched(VanillaGAN):
        def discriminator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> dict[str, Tensor]:
            attached.append(fake.requires_grad)
            return super().discriminator_terms(real, fake, condition)

    fit(tiny_gan(Watched, penalty={"r2": R2(gamma=1.0)}), max_steps=2)
    assert attached == [False, False]


def test_penalties_are_learned_from_in_float32_under_mixed_precision() -> None:
    """Backward, too, runs without autocast: the penalty's gradient with respect to the weights is that of float32."""
    seen: list[bool] = []

    class Watched(VanillaGAN):
        def discriminator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> dict[str, Tensor]:
            weight = self.discriminator.output.weight
            weight.register_hook(lambda _: seen.append(torch.is_autocast_enabled("cpu")))
            return super().discriminator_terms(real, fake, condition)

    fit(tiny_gan(Watched, penalty={"r1": R1(gamma=1.0)}), max_steps=2, precision="bf16-mixed")
    assert seen
    assert not any(seen)
