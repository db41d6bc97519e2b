"""Numbers of a game that follow schedules: what is refused, what a step takes, and that a resumed run goes on."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gan_lab.augment.controller import Scheduled
from gan_lab.augment.pipeline import Pipeline
from gan_lab.losses import RelativisticPairing
from gan_lab.models import cuda_graphs
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.r3gan import R3GAN
from gan_lab.models.scheduled import RANGES
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.penalties import DRAGAN, R1, R2
from gan_lab.runs.checkpoint_check import check_state
from gan_lab.schedules import Constant, Cosine, Ramp, Schedule
from tests.conftest import fit, same, sgd, tiny_gan, weights

PLAYERS = {"generator": Constant(), "discriminator": Constant()}
ADAM = dict.fromkeys(PLAYERS, partial(torch.optim.Adam, lr=0.01, betas=(0.0, 0.9)))


def ramp(start: float, end: float, images: int = 64) -> Ramp:
    return Ramp(start=start, end=end, images=images, shape="linear", hold=0)


def jitter() -> Scheduled:
    return Scheduled(pipeline=Pipeline(blit=[], geometry=[], colour=["brightness"], corruption=[]))


EVERYTHING: dict[str, Schedule] = {
    "generator": ramp(1, 0.25),
    "discriminator": Cosine(),
    "beta1": ramp(0.5, 0),
    "beta2": ramp(0.9, 0.99),
    "gamma": ramp(2, 0.5),
    "ema_half_life": ramp(0, 32),
    "augment": ramp(0, 0.5),
}


def everything(init_seed: int = 0, cls: Any = VanillaGAN, **options: Any) -> AdversarialModule:
    given: dict[str, Any] = {
        "schedule": EVERYTHING,
        "penalty": {"r1": R1(gamma=1.0, every=2), "r2": R2(gamma=1.0)},
        "optimizer": ADAM,
        "ema_half_life": 32,
        "augment": jitter(),
    }
    return tiny_gan(cls, init_seed=init_seed, **given | options)


def test_every_name_has_a_schedule_here() -> None:
    assert EVERYTHING.keys() == RANGES.keys()


@pytest.mark.parametrize(
    ("name", "schedule", "options", "message"),
    [
        (
            "betta",
            ramp(0, 1),
            {},
            "model.schedule.betta: no number has that name. Available: generator, discriminator, beta1, beta2, gamma, "
            "ema_half_life, augment",
        ),
        ("gamma", ramp(1, 2), {"penalty": {"dragan": DRAGAN(weight=1.0, noise=0.1)}}, "gamma: no penalty has a gamma"),
        ("ema_half_life", ramp(1, 2), {"ema_half_life": None}, "ema_half_life: there is no moving average: set "),
        ("augment", ramp(0, 1), {"augment": None}, "augment: nothing follows it: choose model/augment=scheduled, or"),
        (
            "beta2",
            ramp(0.9, 1),
            {},
            "beta2 is 1 after 9,007,199,254,740,992 images: must be between 0 and 1, and below",
        ),
        ("generator", ramp(2, 1), {}, "generator is 2 after 0 images: must be between 0 and 1"),
        ("gamma", ramp(-1, 1), {}, "gamma is -1 after 0 images: must be at least 0"),
        ("augment", lambda moment: float("nan"), {}, "augment is nan after 0 images: must be between 0 and 1"),
    ],
)
def test_what_can_not_be_followed_is_refused(name: str, schedule: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match="^model.schedule") as caught:
        everything(schedule={**PLAYERS, name: schedule}, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("beta", ["beta1", "beta2"])
def test_betas_of_an_optimizer_without_any_are_refused(beta: str) -> None:
    model = everything(schedule={**PLAYERS, beta: ramp(0, 0.5)}, optimizer={**ADAM, "discriminator": sgd()})
    with pytest.raises(ValueError, match=rf"SGD has no betas for model.schedule.{beta}: choose model/optimizer=adam"):
        model.configure_optimizers()


class Watched(VanillaGAN):
    """Notes what each step is taken with; batches have 8 images."""

    def on_train_start(self) -> None:
        super().on_train_start()
        self.seen: list[dict[str, Any]] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.seen.append(
            {
                "betas": [player.optimizer.param_groups[0]["betas"] for player in self.players],
                "lr": [player.learning_rate for player in self.players],
                "gamma": [float(penalty.gamma) for penalty in self.penalty.values()],  # type: ignore[attr-defined]
                "half_life": self.generator_ema.half_life,  # type: ignore[union-attr]
                "p": float(self.augment.p),  # type: ignore[union-attr, arg-type]
            }
        )


def test_each_step_has_the_numbers_of_the_images_before_it() -> None:
    """A quarter of the way after two batches; the discriminator takes three steps on two batches: c = 2 / 3."""
    model = everything(cls=Watched)
    fit(model, max_steps=10)
    first, third, last = (model.seen[step] for step in (0, 2, 9))  # type: ignore[index, union-attr]
    assert first["betas"][0] == (0.5, 0.9)
    assert first["betas"][1] == pytest.approx((0.5 ** (2 / 3), 0.9 ** (2 / 3)))
    assert third["betas"][0] == pytest.approx((0.375, 0.9225))
    assert third["betas"][1] == pytest.approx((0.375 ** (2 / 3), 0.9225 ** (2 / 3)))
    assert last["betas"] == [(0.0, 0.99), (0.0, pytest.approx(0.99 ** (2 / 3)))]
    assert [first["gamma"], third["gamma"], last["gamma"]] == [[2, 2], [1.625, 1.625], [0.5, 0.5]]
    assert [first["half_life"], third["half_life"], last["half_life"]] == [0, 8, 32]
    assert [first["p"], third["p"], last["p"]] == [0, 0.125, 0.5]
    assert [step["lr"][0] for step in (first, third, last)] == pytest.approx([0.01, 0.008125, 0.0025])


def test_they_are_logged_where_the_others_are() -> None:
    logged = fit(everything(), max_steps=5, log_every_n_steps=5).callback_metrics
    found = {name: logged[name].item() for name in logged if name.startswith(("schedule/", "augment/"))}
    assert found == pytest.approx(
        {
            "schedule/beta1": 0.25,
            "schedule/beta2": 0.945,
            "schedule/gamma": 1.25,
            "schedule/ema_half_life": 16,
            "augment/p": 0.25,
        }
    )
    assert logged["learning_rate/generator"].item() == pytest.approx(0.01 * 0.625)


PAIRS = {"objective": RelativisticPairing(), "penalty": {"r1": R1(gamma=0.5), "r2": R2(gamma=0.5)}}


@pytest.mark.parametrize("cls", [VanillaGAN, R3GAN])
def test_a_schedule_that_stays_at_a_number_is_that_number(cls: Any) -> None:
    """To the rounding of a learning rate, a weight and a share that come from a tensor or not."""
    still: dict[str, Schedule] = {
        "generator": ramp(1, 1),
        "discriminator": ramp(1, 1),
        "beta1": ramp(0, 0),
        "beta2": ramp(0.9, 0.9),
        "gamma": ramp(0.5, 0.5),
        "ema_half_life": ramp(32, 32),
    }
    given = {**PAIRS, "optimizer": ADAM, "ema_half_life": 32}
    fit(plain := tiny_gan(cls, **given), max_steps=6)
    fit(scheduled := tiny_gan(cls, **given, schedule=still), max_steps=6)
    for name, value in weights(plain).items():
        torch.testing.assert_close(weights(scheduled)[name], value)
    fit(other := tiny_gan(cls, **given, schedule=still | {"gamma": ramp(0.5, 5)}), max_steps=6)
    assert not same(weights(other), weights(scheduled))


def test_a_constant_leaves_a_number_as_it_is() -> None:
    given: dict[str, Any] = {**PAIRS, "optimizer": ADAM, "ema_half_life": 32}
    constant = dict.fromkeys(RANGES.keys() - {"augment"}, Constant())
    fit(plain := tiny_gan(**given), max_steps=4)
    fit(scheduled := tiny_gan(**given, schedule=constant), max_steps=4)
    assert same(weights(plain), weights(scheduled))


@pytest.mark.bits
@pytest.mark.parametrize("stop", [3, 4])
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(stop: int, tmp_path: Path) -> None:
    schedule = EVERYTHING | {"discriminator": ramp(1, 0.5)}  # the run that stops earlier has another end
    fit(whole := everything(cls=Watched, schedule=schedule), max_steps=10)
    trainer = fit(everything(cls=Watched, schedule=schedule), max_steps=stop)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    resumed = everything(5, Watched, schedule=schedule)
    fit(resumed, max_steps=10, ckpt_path=tmp_path / "a.ckpt")
    assert resumed.seen == whole.seen[stop:]  # type: ignore[union-attr, index]
    assert same(weights(resumed), weights(whole))


def test_a_checkpoint_with_other_betas_fits(tmp_path: Path) -> None:
    model = everything()
    trainer = fit(model, max_steps=3)
    trainer.save_checkpoint(file := tmp_path / "a.ckpt")
    saved = torch.load(file, weights_only=True)
    assert saved["optimizer_states"][0]["param_groups"][0]["betas"] != (0.0, 0.9)
    check_state(saved, everything(3), trainer, file)
    saved["optimizer_states"][0]["param_groups"][0]["betas"] = (0.0, 1.5)
    with pytest.raises(Exception, match=r"the generator's optimizer: Invalid beta parameter at index 1: 1\.5"):
        check_state(saved, everything(3), trainer, file)


@pytest.mark.parametrize(
    ("schedule", "needs_an_end"),
    [
        (PLAYERS, False),
        ({**PLAYERS, "beta2": ramp(0, 0.5)}, False),
        ({"generator": ramp(1, 0), "discriminator": ramp(1, 0)}, False),
        ({**PLAYERS, "gamma": Cosine()}, True),
        ({**PLAYERS, "gamma": lambda moment: moment.progress}, True),  # nothing is known of it
    ],
)
def test_only_what_goes_by_progress_needs_an_end(schedule: Any, needs_an_end: bool) -> None:
    assert everything(schedule=schedule).needs_an_end is needs_an_end


@pytest.mark.parametrize(("name", "is_possible"), [("gamma", True), ("augment", True), ("beta2", False)])
def test_graphs_replay_what_lies_on_the_device(name: str, is_possible: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model = everything(schedule={**PLAYERS, name: ramp(0, 0.5)})
    fit(model, max_steps=1)
    monkeypatch.setattr(type(model), "device", SimpleNamespace(type="cuda"))
    reason = cuda_graphs.why_not(model)
    assert reason == (
        None if is_possible else "model.schedule.beta2 is a number of the host, which a graph would keep as it was"
    )


def test_gamma_is_one_tensor_that_is_written_in_place() -> None:
    seen: list[int] = []

    class Noted(VanillaGAN):
        def on_train_batch_end(self, *_: Any) -> None:
            seen.extend(penalty.gamma.data_ptr() for penalty in self.penalty.values())  # type: ignore[attr-defined]

    fit(everything(cls=Noted), max_steps=3)
    assert len(set(seen)) == 1
