"""A player's steps: clipped gradients, learning rates by schedule, and the order that a gradient scaler needs."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor, nn

from gan_lab.losses import Wasserstein
from gan_lab.models.latent import LatentGAN
from gan_lab.models.player import Terms
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.penalties import R1
from gan_lab.schedules import Constant, Cosine, LinearDecay
from gan_lab.utils.batches import LabelledImages
from tests.conftest import TinyImages, fit, same, sgd, tiny_gan, weights

BOTH = ("generator", "discriminator")
LIMITS = {"generator": 0.02, "discriminator": 0.3}  # below the norms that tiny players have
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": sgd(),
    "rmsprop": partial(torch.optim.RMSprop, lr=1e-3),
    "adam": partial(torch.optim.Adam, lr=1e-3),
    "fused adam": partial(torch.optim.Adam, lr=1e-3, fused=True),
}


class DoubleImages(TinyImages):
    """In float64; keeps the last batch."""

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        images, labels = super().on_after_batch_transfer(batch, dataloader_idx)
        self.last = images.double()
        return LabelledImages(self.last, labels)


def shortened(gradients: tuple[Tensor, ...], limit: float | None) -> list[Tensor]:
    """Clipping, written out: g * min(1, limit / (|g| + 1e-6)), with |g| over all parameters together."""
    norm = sum(gradient.square().sum().item() for gradient in gradients) ** 0.5
    factor = 1.0 if limit is None else min(1.0, limit / (norm + 1e-6))
    return [gradient * factor for gradient in gradients]


@pytest.mark.parametrize(
    "limits",
    [LIMITS, {"generator": 0.02, "discriminator": None}, {"generator": None, "discriminator": 0.3}, {"generator": 1e3}],
    ids=str,
)
@pytest.mark.parametrize("listened_to", [False, True])
def test_clipping_equals_clipping_written_out_by_hand(limits: dict[str, float | None], listened_to: bool) -> None:
    model, reference = tiny_gan(clip_grad_norm=limits).double(), tiny_gan().double()
    latents: list[Tensor] = []
    model.generator.register_forward_pre_hook(lambda _, inputs: latents.append(inputs[0].clone()))
    data = DoubleImages()
    callbacks: list[Callback] = [Listener()] if listened_to else []
    logged = fit(
        model, data, max_steps=1, precision="64-true", callbacks=callbacks, log_every_n_steps=1
    ).callback_metrics

    bce = nn.functional.binary_cross_entropy_with_logits
    generator, discriminator = reference.generator, reference.discriminator

    def descend(player: nn.Module, loss: Tensor, name: str) -> None:
        gradients = torch.autograd.grad(loss, list(player.parameters()))
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
        assert logged[f"gradient_norm/{name}"].item() == pytest.approx(norm, rel=1e-6), "logged as it was before"
        with torch.no_grad():
            for parameter, gradient in zip(player.parameters(), shortened(gradients, limits.get(name)), strict=True):
                parameter -= 0.1 * gradient

    real, fake = discriminator(data.last), discriminator(generator(latents[0]).detach())
    descend(discriminator, bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)), "discriminator")
    logits = discriminator(generator(latents[0]))
    descend(generator, bce(logits, torch.ones_like(logits)), "generator")
    for name, value in weights(reference).items():
        torch.testing.assert_close(weights(model)[name], value, rtol=0, atol=1e-12)


class Listener(Callback):
    """Overrides a hook, so that steps go through Lightning; keeps the norms of what is stepped along."""

    def __init__(self) -> None:
        self.norms: list[float] = []

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        gradients = [p.grad.flatten() for group in optimizer.param_groups for p in group["params"]]
        self.norms.append(torch.cat(gradients).norm().item())


def test_no_step_is_longer_than_allowed() -> None:
    listener = Listener()
    model = tiny_gan(clip_grad_norm=LIMITS, penalty={"r1": R1(gamma=10.0)}, n_critic=2)
    logged = fit(model, max_steps=4, callbacks=[listener], log_every_n_steps=4).callback_metrics
    assert listener.norms == pytest.approx([0.3, 0.3, 0.02, 0.3, 0.3, 0.02], rel=1e-3)
    assert all(logged[f"gradient_norm/{name}"].item() > LIMITS[name] for name in BOTH)


@pytest.mark.bits
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_clipping_directly_gives_the_bits_that_lightnings_way_gives(optimizer: str) -> None:
    options = {"clip_grad_norm": LIMITS, "optimizer": dict.fromkeys(BOTH, OPTIMIZERS[optimizer])}
    direct, hooked, free = tiny_gan(**options), tiny_gan(**options), tiny_gan(**options | {"clip_grad_norm": {}})
    fit(direct, max_steps=5)
    fit(hooked, max_steps=5, callbacks=[Listener()])
    fit(free, max_steps=5)
    assert same(weights(direct), weights(hooked))
    assert not same(weights(direct), weights(free))


# Under a gradient scaler.


class Scaler(torch.amp.GradScaler):
    """On the CPU; notes the order of calls, and the scale after each update."""

    def __init__(self, **options: Any) -> None:
        super().__init__("cpu", **{"init_scale": 8.0, "growth_interval": 1000} | options)
        self.calls: list[str] = []
        self.scales: list[float] = []

    def scale(self, outputs: Any) -> Any:
        self.calls.append("scale")
        return super().scale(outputs)

    def unscale_(self, optimizer: Any) -> None:
        self.calls.append("unscale")
        super().unscale_(optimizer)

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        self.calls.append("step")
        return super().step(optimizer, *args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        self.calls.append("update")
        super().update(new_scale)
        self.scales.append(self.get_scale())


class OnlyScaled(MixedPrecision):
    """float16 training's scaler around float32 arithmetic: a power of two must not change a bit."""

    def __init__(self, **options: Any) -> None:
        super().__init__("16-mixed", "cpu", Scaler(**options))

    @contextmanager
    def forward_context(self) -> Iterator[None]:
        yield


class SeveralTerms(VanillaGAN):
    """A generator with a second term; at the steps `broken` names, one player's loss has no finite gradient."""

    broken: tuple[tuple[int, str], ...] = ()

    def discriminator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> Terms:
        return self.damaged(super().discriminator_terms(real, fake, condition), "discriminator")

    def generator_terms(self, real: Tensor, fake: Tensor, condition: tuple[Tensor, ...]) -> Terms:
        terms = super().generator_terms(real, fake, condition) | {"size": fake.square().mean()}
        return self.damaged(terms, "generator")

    def damaged(self, terms: Terms, player: str) -> Terms:
        factor = float("inf") if (self.global_step + 1, player) in self.broken else 1.0
        return terms | {"adversarial": terms["adversarial"] * factor}


def made(n_critic: int, optimizer: str, limits: dict[str, float], broken: Any = ()) -> LatentGAN:
    model = tiny_gan(
        SeveralTerms,
        objective=Wasserstein(),
        penalty={"r1": R1(gamma=1.0)},
        optimizer=dict.fromkeys(BOTH, OPTIMIZERS[optimizer]),
        n_critic=n_critic,
        clip_grad_norm=limits,
    )
    model.broken = broken
    return model


@pytest.mark.bits
@pytest.mark.parametrize("limits", [{}, LIMITS], ids=["free", "clipped"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("n_critic", [1, 3])
def test_a_scale_that_grows_changes_no_bit(n_critic: int, optimizer: str, limits: dict[str, float]) -> None:
    """Had one player's gradients been scaled before the other's update, growth in between would have shortened them."""
    plain, scaled = made(n_critic, optimizer, limits), made(n_critic, optimizer, limits)
    plugin = OnlyScaled(growth_interval=1)
    trainers = [
        fit(plain, max_steps=9, log_every_n_steps=9),
        fit(scaled, max_steps=9, log_every_n_steps=9, plugins=[plugin]),
    ]
    turns = 9 + 9 // n_critic
    assert plugin.scaler.scales == [8.0 * 2**turn for turn in range(1, turns + 1)]
    assert same(weights(plain), weights(scaled))
    logged = [{k: v for k, v in trainer.callback_metrics.items() if k != "images_per_second"} for trainer in trainers]
    assert logged[0] == logged[1], "norms and losses are logged without the scale"


@pytest.mark.parametrize(("optimizer", "own"), [("fused adam", []), ("sgd", ["unscale"])])
def test_each_player_is_scaled_unscaled_once_stepped_and_updated_in_its_turn(optimizer: str, own: list[str]) -> None:
    plugin = OnlyScaled()
    fit(made(2, optimizer, {}), max_steps=4, plugins=[plugin])
    turn = ["scale", *own, "step", "update"]
    assert plugin.scaler.calls == turn * 6


class Recorder(Callback):
    """Which players moved in which batch."""

    def __init__(self) -> None:
        self.history: dict[str, list[dict[str, Tensor]]] = {name: [] for name in BOTH}

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.on_train_batch_end(trainer, pl_module)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        for name, states in self.history.items():
            states.append(weights(getattr(pl_module, name)))

    def moved(self, name: str) -> list[bool]:
        return [not same(before, after) for before, after in itertools.pairwise(self.history[name])]


@pytest.mark.parametrize("limits", [{}, LIMITS], ids=["free", "clipped"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_infinite_gradient_skips_its_player_alone_and_lowers_the_scale(
    optimizer: str, limits: dict[str, float]
) -> None:
    plugin, recorder = OnlyScaled(), Recorder()
    model = made(1, optimizer, limits, broken=((2, "discriminator"), (4, "generator")))
    fit(model, max_steps=5, plugins=[plugin], callbacks=[recorder])
    assert recorder.moved("discriminator") == [True, False, True, True, True]
    assert recorder.moved("generator") == [True, True, True, False, True]
    assert plugin.scaler.scales == [8, 8, 4, 4, 4, 4, 4, 2, 2, 2]
    assert all(value.isfinite().all() for value in weights(model).values())


def test_growth_counts_the_steps_of_both_players_since_the_last_skipped_one() -> None:
    plugin = OnlyScaled(growth_interval=3)
    fit(made(2, "sgd", {}, broken=((4, "discriminator"),)), max_steps=6, plugins=[plugin])
    # Turns D, D G, D, D G, D, D G; the third grows, the fifth is skipped, the eighth grows again.
    assert plugin.scaler.scales == [8, 8, 16, 16, 8, 8, 8, 16, 16]


@pytest.mark.bits
@pytest.mark.parametrize("stop", [2, 5])
def test_a_scaled_run_resumes_with_its_scale(stop: int, tmp_path: Path) -> None:
    def run(steps: int, checkpoint: Path | None = None) -> tuple[lightning.Trainer, LatentGAN, OnlyScaled]:
        plugin = OnlyScaled(growth_interval=2)
        model = made(2, "fused adam", LIMITS, broken=((4, "discriminator"),))
        return fit(model, max_steps=steps, plugins=[plugin], ckpt_path=checkpoint), model, plugin

    trainer, _, _ = run(stop)
    trainer.save_checkpoint(tmp_path / "stop.ckpt")
    _, resumed, of_resumed = run(8, tmp_path / "stop.ckpt")
    _, whole, of_whole = run(8)
    assert of_resumed.scaler.scales == of_whole.scaler.scales[-len(of_resumed.scaler.scales) :]
    assert of_resumed.scaler.state_dict() == of_whole.scaler.state_dict()
    assert same(weights(resumed), weights(whole))


def scheduled(schedule: Any, steps: int, stop: int | None = None, folder: Path | None = None) -> list[list[float]]:
    """The learning rates of both players at every step, of one run or of one that was stopped and resumed."""
    rates: list[list[float]] = []

    class Watched(VanillaGAN):
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
