"""What each variant adds to the shared step."""

import itertools
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from gan_lab.losses import Hinge, LeastSquares, Minimax, NonSaturating, Objective, RelativisticPairing, Wasserstein
from gan_lab.models.latent import LatentGAN
from gan_lab.networks import labelled, mlp
from gan_lab.penalties import DRAGAN, R1, R2, GradientPenalty
from gan_lab.schedules import Constant, Cosine, LinearDecay
from tests.conftest import LATENT_DIM, SIZE, TinyImages, fit, tiny_cgan, tiny_gan, tiny_network, weights

BOTH = ("generator", "discriminator")


def test_the_critics_weights_are_clipped_after_its_step() -> None:
    largest: list[float] = []

    class Watched(LatentGAN):
        def generator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> dict[str, Tensor]:
            largest.append(max(parameter.abs().max().item() for parameter in self.discriminator.parameters()))
            return super().generator_terms(real, fake, condition)

    model = tiny_gan(Watched, clip=0.01, objective=Wasserstein())
    fit(model, max_steps=3)
    # Exactly at the bound: clipped after the step, with which a rate of 0.1 leaves it.
    assert largest == [pytest.approx(0.01)] * 3
    assert max(p.abs().max().item() for p in model.generator.parameters()) > 0.01


def test_the_wasserstein_estimate_is_logged_instead_of_accuracies() -> None:
    trainer = fit(model := tiny_gan(objective=Wasserstein()), max_steps=1, log_every_n_steps=1)
    estimate = model.latest_logits["real"].mean() - model.latest_logits["fake"].mean()
    assert trainer.callback_metrics["wasserstein_estimate"].item() == pytest.approx(estimate.item())
    assert not [name for name in trainer.callback_metrics if name.startswith("accuracy")]


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
        ({"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)}, 2),
    ],
)
def test_what_a_penalty_has_scored_is_not_scored_again(penalty: dict[str, Any], forwards: int) -> None:
    model, calls = tiny_gan(penalty=penalty), []
    model.discriminator.register_forward_hook(lambda *_: calls.append(1))
    real, fake = torch.randn(3, 1, SIZE, SIZE), torch.randn(3, 1, SIZE, SIZE)
    terms = model.discriminator_terms(real, fake, ())
    assert len(calls) == forwards
    apart = model.objective.discriminator(model.discriminator(real), model.discriminator(fake))
    torch.testing.assert_close(terms["adversarial"], apart)


def test_a_step_with_penalties_equals_the_step_written_out_by_hand() -> None:
    """Float64, SGD, R1 and R2 in closed form: for a linear critic both are |w|^2."""
    model = tiny_gan(
        network=tiny_network() | {"discriminator": nn.Sequential(nn.Flatten(), nn.Linear(SIZE**2, 1))},
        objective=RelativisticPairing(),
        penalty={"r1": R1(gamma=0.5), "r2": R2(gamma=0.7)},
        n_critic=2,
    ).double()
    before = model.discriminator[1].weight.detach().clone().requires_grad_()
    seen: list[Tensor] = []
    model.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().clone()))

    class Double(TinyImages):
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            images, labels = super().on_after_batch_transfer(batch, dataloader_idx)
            return images.double(), labels

    fit(model, Double(), max_steps=1, precision="64-true")
    real, fake = seen
    gap = (real - fake).flatten(1) @ before[0]
    loss = nn.functional.softplus(-gap).mean() + (0.5 + 0.7) / 2 * before.square().sum()
    (gradient,) = torch.autograd.grad(loss, before)
    torch.testing.assert_close(model.discriminator[1].weight, before - 0.1 * gradient, rtol=0, atol=1e-14)


def test_the_relativistic_generator_compares_with_real_images() -> None:
    model = tiny_gan(objective=RelativisticPairing())
    real, fake = torch.randn(3, 1, SIZE, SIZE), torch.randn(3, 1, SIZE, SIZE, requires_grad=True)
    term = model.generator_terms(real, fake, ())["adversarial"]
    expected = nn.functional.softplus(model.discriminator(real) - model.discriminator(fake)).mean()
    torch.testing.assert_close(term, expected)
    assert torch.autograd.grad(term, fake)[0].abs().sum() > 0


def test_a_penalty_on_a_batch_norm_discriminator_is_refused_with_the_way_out() -> None:
    batch_norm = mlp.Discriminator(hidden=[4], norm="batch", image_size=SIZE, channels=1)
    with pytest.raises(ValueError, match=r"gradient penalty \(r1\).*batch norm: set .*norm=layer, or model/penalty=no"):
        tiny_gan(network=tiny_network() | {"discriminator": batch_norm}, penalty={"r1": R1(gamma=1.0)})


def scheduled(schedule: Any, steps: int, stop: int | None = None, folder: Path | None = None) -> list[list[float]]:
    """The learning rates of both players at every step, of one run or of one that was stopped and resumed."""
    rates: list[list[float]] = []

    class Watched(LatentGAN):
        def on_train_batch_end(self, *_: Any) -> None:
            rates.append([player.learning_rate for player in self.players])

    if stop is None:
        fit(tiny_gan(Watched, schedule=schedule), max_steps=steps)
        return rates
    assert folder

    first = tiny_gan(Watched, schedule=schedule)

    class Stopper(Callback):
        def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
            trainer.should_stop = trainer.global_step >= stop

    fit(first, max_steps=steps, callbacks=[Stopper()]).save_checkpoint(folder / "stop.ckpt")
    fit(tiny_gan(Watched, schedule=schedule), max_steps=steps, ckpt_path=folder / "stop.ckpt")
    return rates


LINEAR = {"generator": LinearDecay(start=0.5), "discriminator": Constant()}


def test_each_player_follows_its_schedule() -> None:
    rates = scheduled(LINEAR, 8)
    assert [rate for rate, _ in rates] == pytest.approx([0.1] * 5 + [0.075, 0.05, 0.025])
    assert [rate for _, rate in rates] == [0.1] * 8


@pytest.mark.parametrize("stop", [3, 6, 8])
def test_schedules_go_on_over_a_stop(stop: int, tmp_path: Path) -> None:
    both = dict.fromkeys(BOTH, Cosine())
    assert scheduled(both, 12, stop, tmp_path) == scheduled(both, 12)


def test_learning_rates_that_change_are_logged() -> None:
    logged = fit(tiny_gan(schedule=LINEAR), max_steps=8, log_every_n_steps=8).callback_metrics
    assert logged["learning_rate/generator"].item() == pytest.approx(0.025)
    assert "learning_rate/discriminator" not in logged


OBJECTIVES = [
    NonSaturating(label_smoothing=0.0),
    Minimax(label_smoothing=0.0),
    LeastSquares(),
    Hinge(),
    Wasserstein(),
    RelativisticPairing(),
]
PENALTIES = [
    {},
    {"gp": GradientPenalty(weight=1.0)},
    {"dragan": DRAGAN(weight=1.0, noise=0.3)},
    {"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)},
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: "+".join(penalty) or "none")
@pytest.mark.parametrize("conditioning", ["concat", "projection"])
def test_labels_reach_both_players_under_every_loss(objective: Objective, penalty: Any, conditioning: str) -> None:
    torch.manual_seed(0)
    model = tiny_cgan(conditioning, objective=objective, penalty=penalty, ema_half_life=8)
    before = weights(model)
    fit(model, max_steps=2)
    after = weights(model)
    first = "generator.generator.hidden.0.weight"  # its last ten inputs are the label
    assert not torch.equal(after[first][:, -10:], before[first][:, -10:])
    (own,) = [name for name in after if name.startswith(("discriminator.planes", "discriminator.vectors"))]
    assert not torch.equal(after[own], before[own])
    assert all(value.isfinite().all() for value in after.values())


def test_each_class_is_asked_for_as_often_as_the_data_has_it() -> None:
    asked: list[Tensor] = []
    model = tiny_cgan()
    model.generator.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[1]))
    data = TinyImages(count=80, batch_size=4)  # a batch holds fewer labels than there are classes
    fit(model, data, max_epochs=1)
    assert torch.cat(asked).bincount(minlength=10).tolist() == [8] * 10


def test_the_same_latent_gives_another_image_for_another_label() -> None:
    model, latents = tiny_cgan(), torch.randn(1, LATENT_DIM).repeat(10, 1)
    drawn = model.sample(latents, torch.arange(10))
    assert all(not torch.equal(one, other) for one, other in itertools.combinations(drawn, 2))


@pytest.mark.bits
def test_a_grid_has_a_row_for_each_class_and_a_latent_for_each_column() -> None:
    model = tiny_cgan()
    pictures, columns = model.sample_grid(5, 3, seed=1)
    assert (len(pictures), columns) == (30, 3)
    latents: list[Tensor] = []
    model.generator.register_forward_pre_hook(lambda _, inputs: latents.extend(inputs))
    again, _ = model.sample_grid(5, 3, seed=1)
    assert torch.equal(pictures, again)
    drawn, labels = latents
    assert labels.tolist() == [label for label in range(10) for _ in range(3)]
    assert torch.equal(drawn[:3], drawn[3:6])
    assert len(drawn[:3].unique(dim=0)) == 3


def test_the_discriminator_judges_an_image_as_one_of_its_label() -> None:
    for conditioning in ("concat", "projection"):
        model = tiny_cgan(conditioning)
        image = torch.randn(1, 1, SIZE, SIZE)
        scores = [model.logits(image, (torch.tensor([label]),)).item() for label in range(10)]
        assert len(set(scores)) == 10


def test_projection_by_hand() -> None:
    """C(x, y) = output(features(x)) + <v_y, features(x)>."""
    torch.manual_seed(0)
    plain = mlp.Discriminator(hidden=[5], norm="none", image_size=SIZE, channels=1)
    told = labelled.ProjectionDiscriminator(plain, num_classes=3, image_size=SIZE, channels=1)
    images, labels = torch.randn(4, 1, SIZE, SIZE), torch.tensor([2, 0, 1, 2])
    features = plain.features(images)
    expected = plain.output(features)[:, 0] + torch.stack(
        [told.vectors.weight[label] @ row for label, row in zip(labels, features, strict=True)]
    )
    torch.testing.assert_close(told(images, labels)[:, 0], expected)


def test_projection_needs_features() -> None:
    with pytest.raises(ValueError, match="set model/conditioning=concat"):
        labelled.ProjectionDiscriminator(nn.Flatten(), num_classes=2, image_size=SIZE, channels=1)


def test_projection_is_bounded_where_the_rest_is() -> None:
    plain = mlp.Discriminator(hidden=[5], norm="spectral", image_size=SIZE, channels=1)
    told = labelled.ProjectionDiscriminator(plain, num_classes=3, image_size=SIZE, channels=1)
    for _ in range(30):
        told(torch.randn(2, 1, SIZE, SIZE), torch.tensor([0, 1]))
    assert torch.linalg.matrix_norm(told.vectors.weight, 2).item() == pytest.approx(1, rel=1e-3)


def test_both_kinds_of_images_have_the_range_of_tanh() -> None:
    seen: dict[str, tuple[float, float]] = {}

    class Watched(LatentGAN):
        def discriminator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> dict[str, Tensor]:
            seen.update(real=(real.min().item(), real.max().item()), fake=(fake.min().item(), fake.max().item()))
            return super().discriminator_terms(real, fake, condition)

    class BlackAndWhite(TinyImages):
        def load(self, split: str) -> tuple[Tensor, Tensor]:
            images, labels = super().load(split)
            return images.gt(127).byte() * 255, labels

    model = tiny_gan(Watched)
    nn.init.constant_(model.generator.output[0].weight, 100.0)  # saturates the tanh
    fit(model, BlackAndWhite(), max_steps=1)
    assert seen["real"] == (-1, 1)
    assert -1 <= seen["fake"][0] < -0.9 or 0.9 < seen["fake"][1] <= 1


def test_the_critics_turn_leaves_no_graph_into_the_generator() -> None:
    attached: list[bool] = []

    class Watched(LatentGAN):
        def discriminator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> dict[str, Tensor]:
            attached.append(fake.requires_grad)
            return super().discriminator_terms(real, fake, condition)

    fit(tiny_gan(Watched, penalty={"r2": R2(gamma=1.0)}), max_steps=2)
    assert attached == [False, False]


def test_penalties_are_learned_from_in_float32_under_mixed_precision() -> None:
    """Backward, too, runs without autocast: the penalty's gradient with respect to the weights is that of float32."""
    seen: list[bool] = []

    class Watched(LatentGAN):
        def discriminator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> dict[str, Tensor]:
            weight = self.discriminator.output.weight
            weight.register_hook(lambda _: seen.append(torch.is_autocast_enabled("cpu")))
            return super().discriminator_terms(real, fake, condition)

    fit(tiny_gan(Watched, penalty={"r1": R1(gamma=1.0)}), max_steps=2, precision="bf16-mixed")
    assert seen
    assert not any(seen)


@pytest.mark.bits
def test_both_kinds_are_scored_alike_where_a_penalty_has_scored_one() -> None:
    model = tiny_gan(penalty={"r1": R1(gamma=1.0)}, objective=RelativisticPairing())
    images = torch.randn(4, 1, SIZE, SIZE)
    with torch.autocast("cpu", torch.bfloat16):
        model.discriminator_terms(images, images.clone(), ())
    assert torch.equal(model.latest_logits["real"], model.latest_logits["fake"])


def test_clipping_under_spectral_norm_is_refused() -> None:
    spectral = mlp.Discriminator(hidden=[4], norm="spectral", image_size=SIZE, channels=1)
    with pytest.raises(ValueError, match="set model.clip=null"):
        tiny_gan(network=tiny_network() | {"discriminator": spectral}, clip=0.01)
