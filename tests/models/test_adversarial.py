"""The one alternating step: who moves, when, along which gradient, with which noise."""

import itertools
from functools import partial
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from gan_lab.losses import NonSaturating, Wasserstein
from gan_lab.models.latent import LatentGAN
from gan_lab.models.player import Terms, frozen
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.networks import dcgan_upsample
from gan_lab.utils.batches import LabelledImages
from tests.conftest import (
    LATENT_DIM,
    TinyImages,
    count_calls,
    fit,
    same,
    sgd,
    spy_on_reads,
    tiny_gan,
    tiny_network,
    weights,
)


class Recorder(Callback):
    """Keeps both players' weights after every batch, starting with those before the first."""

    def __init__(self) -> None:
        self.generator: list[dict[str, Tensor]] = []
        self.discriminator: list[dict[str, Tensor]] = []

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.record(pl_module)

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, *_: Any) -> None:
        self.record(pl_module)

    def record(self, model: LatentGAN) -> None:
        self.generator.append(weights(model.generator))
        self.discriminator.append(weights(model.discriminator))


adam = partial(torch.optim.Adam, lr=1e-2, fused=True)


def trained(steps: int, **options: Any) -> LatentGAN:
    model = tiny_gan(**options)
    fit(model, max_steps=steps)
    return model


def moved(history: list[dict[str, Tensor]]) -> list[bool]:
    return [not same(before, after) for before, after in itertools.pairwise(history)]


def test_one_step_equals_the_step_written_out_by_hand() -> None:
    """Float64, SGD: the same numbers as a plain loop that draws twice from the same latents."""
    model, reference = (tiny_gan().double() for _ in range(2))
    captured: list[Tensor] = []
    model.generator.register_forward_pre_hook(lambda _, inputs: captured.append(inputs[0].clone()))

    class Double(TinyImages):
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            images, labels = super().on_after_batch_transfer(batch, dataloader_idx)
            captured.append(images.double())
            return LabelledImages(images.double(), labels)

    fit(model, Double(), max_steps=1, precision="64-true")
    real, latents = captured
    generator, discriminator = reference.generator, reference.discriminator
    bce = nn.functional.binary_cross_entropy_with_logits
    step = {player: torch.optim.SGD(player.parameters(), lr=0.1) for player in (generator, discriminator)}
    fake = generator(latents).detach()
    real_logits, fake_logits = discriminator(real), discriminator(fake)
    loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
    loss.backward()
    step[discriminator].step()
    generator.zero_grad()
    logits = discriminator(generator(latents))
    bce(logits, torch.ones_like(logits)).backward()
    step[generator].step()
    for name, value in weights(reference).items():
        torch.testing.assert_close(weights(model)[name], value, rtol=0, atol=1e-14)


def test_a_discriminator_step_leaves_the_generator_bit_identical() -> None:
    recorder = Recorder()
    fit(tiny_gan(n_critic=10), max_steps=3, callbacks=[recorder])
    assert moved(recorder.generator) == [False] * 3
    assert moved(recorder.discriminator) == [True] * 3


def test_a_generator_step_leaves_the_discriminator_bit_identical() -> None:
    recorder = Recorder()
    still = {"generator": sgd(), "discriminator": sgd(0.0)}
    fit(tiny_gan(optimizer=still), max_steps=3, callbacks=[recorder])
    assert moved(recorder.generator) == [True] * 3
    assert moved(recorder.discriminator) == [False] * 3


def test_neither_turn_leaves_gradients_with_the_other_player() -> None:
    model = tiny_gan()
    turns: list[tuple[bool, bool]] = []

    class Watch(Callback):
        def on_before_optimizer_step(self, *_: Any) -> None:
            turns.append((has_gradients(model.generator), model.discriminator.output.weight.requires_grad))

    fit(model, max_steps=1, callbacks=[Watch()])
    # The generator got none in the discriminator's turn; the discriminator was frozen in the generator's.
    assert turns == [(False, True), (True, False)]
    assert all(parameter.requires_grad for parameter in model.parameters())


def has_gradients(module: nn.Module) -> bool:
    return any(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize(("n_critic", "expected"), [(1, [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6]), (4, [4])])
def test_the_generator_moves_on_every_n_th_batch(n_critic: int, expected: list[int]) -> None:
    recorder = Recorder()
    fit(tiny_gan(n_critic=n_critic), max_steps=6, callbacks=[recorder])
    assert [batch for batch, did in enumerate(moved(recorder.generator), start=1) if did] == expected
    assert moved(recorder.discriminator) == [True] * 6


def test_counting_to_n_critic_goes_on_over_epochs() -> None:
    recorder = Recorder()
    fit(tiny_gan(n_critic=2), TinyImages(count=24, batch_size=8), max_epochs=2, callbacks=[recorder])
    assert moved(recorder.generator) == [False, True, False, True, False, True]


def test_one_forward_of_the_generator_serves_both_players() -> None:
    model = tiny_gan()
    calls = count_calls(model.generator)
    fit(model, max_steps=3)
    assert len(calls) == 3


def test_the_generators_graph_is_not_built_where_it_does_not_learn() -> None:
    model = tiny_gan(n_critic=2)
    graphs: list[bool] = []
    model.generator.register_forward_hook(lambda _m, _i, output: graphs.append(output.requires_grad))
    fit(model, max_steps=4)
    assert graphs == [False, True, False, True]


@pytest.mark.bits
def test_the_same_seed_gives_bit_identical_weights_and_another_does_not() -> None:
    first, again = trained(5), trained(5)
    assert same(weights(first), weights(again))
    assert not same(weights(first), weights(trained(5, seed=1)))
    assert not same(weights(first), weights(trained(5, init_seed=1)))


@pytest.mark.bits
def test_noise_does_not_depend_on_what_others_draw() -> None:
    class Gambler(Callback):
        def on_train_batch_start(self, *_: Any) -> None:
            torch.rand(3)

    model = tiny_gan()
    fit(model, max_steps=4, callbacks=[Gambler()])
    assert same(weights(model), weights(trained(4)))


def test_latents_are_fresh_at_every_step_and_for_every_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Tensor] = []
    for rank in range(2):
        monkeypatch.setattr(lightning.Trainer, "global_rank", property(lambda _, rank=rank: rank))
        model = tiny_gan()
        model.generator.register_forward_pre_hook(lambda _, inputs: drawn.append(inputs[0].clone()))
        fit(model, max_steps=3)
    assert len({tuple(latents.flatten().tolist()) for latents in drawn}) == 6
    assert drawn[0].shape == (8, LATENT_DIM)


@pytest.mark.bits
def test_dropout_repeats_with_the_seed() -> None:
    def make() -> LatentGAN:
        torch.manual_seed(3)
        network = {
            "generator": tiny_network()["generator"],
            "discriminator": dcgan_upsample.Discriminator(width=2, dropout=0.5, norm="batch", image_size=8, channels=1),
        }
        return tiny_gan(network=network)

    first, again = make(), make()
    fit(first, max_steps=3)
    torch.manual_seed(99)
    fit(again, max_steps=3)
    assert same(weights(first), weights(again))


class Listener(Callback):
    """Overrides a hook, so that steps go through Lightning."""

    def on_before_optimizer_step(self, *_: Any) -> None: ...


@pytest.mark.bits
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("n_critic", [1, 2])
def test_going_straight_to_torch_gives_the_bits_that_lightnings_way_gives(precision: str, n_critic: int) -> None:
    direct, hooked = (
        tiny_gan(n_critic=n_critic, optimizer=dict.fromkeys(("generator", "discriminator"), adam)) for _ in range(2)
    )
    fit(direct, max_steps=5, precision=precision)
    fit(hooked, max_steps=5, precision=precision, callbacks=[Listener()])
    assert [player.step.__self__ is player.optimizer.optimizer for player in direct.players] == [True, True]
    assert [player.step.__self__ is player.optimizer for player in hooked.players] == [True, True]
    assert same(weights(direct), weights(hooked))


class OwnBackward(VanillaGAN):
    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        super().backward(loss, *args, **kwargs)


def test_whoever_listens_is_heard() -> None:
    profiled, own = tiny_gan(), tiny_gan(OwnBackward)
    fit(profiled, max_steps=1, profiler="simple")
    fit(own, max_steps=1)
    for model in (profiled, own):
        assert all(player.step.__self__ is player.optimizer for player in model.players)


class TwoTerms(VanillaGAN):
    """A generator that also minimises the mean square of its images."""

    def generator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> Terms:
        return super().generator_terms(real, fake, condition) | {"size": fake.square().mean()}


def test_the_sum_of_the_terms_is_descended_and_each_is_logged() -> None:
    model = tiny_gan(TwoTerms)
    trainer = fit(model, max_steps=1, log_every_n_steps=1)
    logged = trainer.callback_metrics
    parts = logged["loss/generator/adversarial"] + logged["loss/generator/size"]
    assert logged["loss/generator"].item() == pytest.approx(parts.item())
    assert not same(weights(model.generator), weights(trained(1).generator))


def test_what_is_logged_is_what_happened() -> None:
    model = tiny_gan()
    norms: dict[str, float] = {}

    class Watch(Callback):
        def on_before_optimizer_step(self, trainer: lightning.Trainer, pl_module: Any, optimizer: Any) -> None:
            gradients = [p.grad.flatten() for group in optimizer.param_groups for p in group["params"]]
            norms["discriminator" if len(norms) == 0 else "generator"] = torch.cat(gradients).norm().item()

    logged = fit(model, max_steps=1, log_every_n_steps=1, callbacks=[Watch()]).callback_metrics
    for player, norm in norms.items():
        assert logged[f"gradient_norm/{player}"].item() == pytest.approx(norm)
    real, fake = model.latest_logits["real"], model.latest_logits["fake"]
    assert logged["logit/real"].item() == pytest.approx(real.mean().item())
    assert logged["accuracy/real"].item() == pytest.approx((real > 0).double().mean().item())
    assert logged["accuracy/fake"].item() == pytest.approx((fake < 0).double().mean().item())
    assert logged["loss/discriminator"].item() == pytest.approx(
        NonSaturating(label_smoothing=0.0).discriminator(real, fake).item()
    )
    assert logged["images_seen"].item() == 8


@pytest.mark.parametrize(("n_critic", "interval"), [(5, 4), (3, 2), (2, 5)])
def test_each_report_tells_of_the_generators_latest_turn(n_critic: int, interval: int) -> None:
    losses: dict[int, float] = {}
    reported: dict[int, float] = {}

    class Watched(VanillaGAN):
        def generator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> Terms:
            terms = super().generator_terms(real, fake, condition)
            losses[self.global_step + 1] = terms["adversarial"].item()
            return terms

    class Watch(Callback):
        def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
            if trainer.global_step % interval == 0 and trainer.global_step >= n_critic:
                reported[trainer.global_step] = trainer.callback_metrics["loss/generator"].item()

    fit(tiny_gan(Watched, n_critic=n_critic), max_steps=30, log_every_n_steps=interval, callbacks=[Watch()])
    assert reported
    for step, loss in reported.items():
        assert loss == pytest.approx(losses[step - step % n_critic])


def test_nothing_reads_from_the_device_between_logging_points(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_gan()
    reads = spy_on_reads(monkeypatch, model)
    fit(model, TinyImages(count=800), max_steps=29, log_every_n_steps=10)
    # At logging points (in the step: 9 batches done; in callbacks after it: 10), before the first step, after the last.
    assert set(reads) - {0, 29} <= {9, 10, 19, 20}
    assert reads.count(9) == 1, "one read for all numbers of a logging point"


def test_images_seen_counts_real_images_and_survives_resume(tmp_path: Any) -> None:
    model = tiny_gan()
    trainer = fit(model, max_steps=3)
    assert model.images_seen == 3 * 8
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    resumed = tiny_gan()
    fit(resumed, max_steps=5, ckpt_path=tmp_path / "a.ckpt")
    assert resumed.images_seen == 5 * 8


@pytest.mark.bits
@pytest.mark.parametrize("stop", [1, 3, 8, 11, 16])
@pytest.mark.parametrize("n_critic", [1, 3])
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(stop: int, n_critic: int, tmp_path: Any) -> None:
    whole = trained(20, n_critic=n_critic)  # epochs of 8 batches
    trainer = fit(tiny_gan(n_critic=n_critic), max_steps=stop)
    trainer.save_checkpoint(tmp_path / "stop.ckpt")
    resumed = tiny_gan(n_critic=n_critic, init_seed=5)
    fit(resumed, max_steps=20, ckpt_path=tmp_path / "stop.ckpt")
    assert same(weights(resumed), weights(whole))


@pytest.mark.bits
def test_sample_is_repeatable_and_changes_nothing() -> None:
    torch.manual_seed(0)
    network = {"generator": nn.Sequential(tiny_network()["generator"], nn.BatchNorm2d(1))}
    model = tiny_gan(network=network | {"discriminator": tiny_network()["discriminator"]}).train()
    before, latents = weights(model), torch.randn(5, LATENT_DIM)
    first = model.sample(latents)
    assert torch.equal(first, model.sample(latents))
    torch.testing.assert_close(model.sample(latents[:2]), first[:2])  # a smaller batch may meet other kernels
    assert same(weights(model), before)
    assert model.generator.training
    assert not first.requires_grad


def test_frozen_passes_gradients_on_and_recovers_from_errors() -> None:
    layer = nn.Linear(2, 1)
    inputs = torch.ones(1, 2, requires_grad=True)
    with frozen(list(layer.parameters())):
        layer(inputs).sum().backward()
    assert inputs.grad is not None
    assert layer.weight.grad is None
    with pytest.raises(RuntimeError, match="stop"), frozen(list(layer.parameters())):
        raise RuntimeError("stop")
    assert layer.weight.requires_grad


def test_the_dry_run_names_a_generator_that_makes_the_wrong_size() -> None:
    with pytest.raises(ValueError, match=r"draws \(1, 8, 8\), the data has \(3, 8, 8\)"):
        tiny_gan().dry_run(LabelledImages(torch.zeros(2, 3, 8, 8), torch.zeros(2)))


def test_the_wasserstein_estimate_is_logged_instead_of_accuracies() -> None:
    trainer = fit(model := tiny_gan(objective=Wasserstein()), max_steps=1, log_every_n_steps=1)
    estimate = model.latest_logits["real"].mean() - model.latest_logits["fake"].mean()
    assert trainer.callback_metrics["wasserstein_estimate"].item() == pytest.approx(estimate.item())
    assert not [name for name in trainer.callback_metrics if name.startswith("accuracy")]
