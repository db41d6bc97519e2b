"""Checks of both players while they train, and what to do when the game is lost."""

import logging
from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Any, Literal, NotRequired

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from pydantic import Field
from torch import Tensor
from typing_extensions import TypedDict

from gan_lab.callbacks.alarm import HELPS, Alarm, AlarmState, Limits
from gan_lab.callbacks.checkpoints import LastCheckpoint, are_finite, is_finite
from gan_lab.callbacks.diagnostics import Diagnostics, separation
from gan_lab.callbacks.rollback import RolledBack, roll_back
from gan_lab.callbacks.trigger import EveryNImages
from gan_lab.utils.errors import UserError
from gan_lab.utils.loggers import log_scalars, log_text
from gan_lab.utils.typed_json import Count
from gan_lab.utils.types import NonNegativeInt, PositiveFloat, PositiveInt, Probability

log = logging.getLogger(__name__)

Curable = Literal["collapse", "unlike_data", "imbalance", "overfitting"]
IMBALANCE = ("generator_lost", "discriminator_lost")
FINITE = ("loss/", "logit/", "gradient_norm/")  # metrics that must be finite


class Stopped(UserError):  # noqa: N818 - an ending, as Interrupted
    """Training could not go on, and ended between two batches."""


class HealthState(TypedDict):
    """State in checkpoints; these are held against this type before they are loaded."""

    rolled_back: Count
    checked_at: NotRequired[Count]
    alarms: NotRequired[dict[str, AlarmState]]
    messages: NotRequired[list[str]]


class Health(Callback):
    """Measures the state of a game, raises alarms, and stops a run or rolls it back.

    Checks come at logging points only, where the numbers of a step are read off the device anyway. At each logging
    point, losses, logits, gradient norms and weights must be finite. At the first one after every `every_n_images`
    images these are measured:

    - health/logit_gap: separation of the logits of real and of generated images of the batch, in their standard
      deviations.
    - health/overfitting: separation of the logits of training images and of images of the evaluation split, in
      evaluation mode; far above zero where the discriminator knows its images by heart. Where logits have a decision
      threshold, also health/accuracy/train and health/accuracy/validation, the share of each that the discriminator
      takes for real. Compare the two: with batch norm both jump.
    - health/diversity: root mean square distance of two samples over that of two real images, of one class in a
      conditional model.
    - health/share/0, ...: the share of each class among samples, where a classifier is shipped and costs little.

    - health/distance: energy distance of samples from real images, in the mean distance of these from each other.

    A translator of images has only the first. An alarm is logged once when it begins and once when it ends:

    - nan: a number is not finite.
    - collapse: `patience` times in a row, samples were less diverse than `collapse_diversity`.
    - unlike_data: as often, samples had an energy distance of `unlike_distance` or more: noise, or one image for all.
    - generator_lost: as often, the discriminator was right at least in a share `imbalance_accuracy` of both kinds of
      images (or of pairs), and samples were unlike data, or the norm of the generator's gradient at most
      `vanishing_gradient`. A Wasserstein critic has no right and wrong, so it has no such alarm.
    - discriminator_lost: as often, the discriminator took at least that share of generated images for real.
    - overfitting: as often, health/overfitting was `overfitting_gap` or more.

    The first process measures, so that all decide alike. Checks don't change training.

    Args:
        every_n_images: images seen between two checks.
        images: number of images of each kind in a check.
        classified_images: number of samples to classify; 0 for none.
        collapse_diversity: the lowest diversity that is no collapse.
        unlike_distance: the energy distance from which on samples have nothing of the data.
        imbalance_accuracy: the share from which on a player counts as sure of everything.
        vanishing_gradient: the highest norm of the generator's gradient that counts as none.
        overfitting_gap: health/overfitting from which on the discriminator knows its images by heart.
        patience: bad checks in a row before an alarm other than nan.
        policy: consequence of alarms: "warn" goes on, "stop" ends the run, "rollback" goes back to the last good
            checkpoint with lower learning rates.
        act_on: alarms with that consequence beside nan, which does not pass; "imbalance" is the loss of either player.
        rollbacks: rollbacks at most; then the run stops.
        rollback_factor: of both players' learning rates at each rollback.
        seed: of the images and latents.
        seconds_apart: seconds between two checks, at least, where images come faster; None goes by images alone.
    """

    def __init__(
        self,
        *,
        every_n_images: PositiveInt,
        images: Annotated[int, Field(ge=2)],
        classified_images: NonNegativeInt,
        collapse_diversity: Annotated[float, Field(ge=0.0)],
        unlike_distance: Annotated[float, Field(ge=0.0)],
        imbalance_accuracy: Probability,
        vanishing_gradient: Annotated[float, Field(ge=0.0)],
        overfitting_gap: PositiveFloat = 1.0,
        patience: PositiveInt,
        policy: Literal["warn", "stop", "rollback"],
        act_on: Sequence[Curable],
        rollbacks: NonNegativeInt,
        rollback_factor: Annotated[float, Field(gt=0.0, lt=1.0)],
        seed: NonNegativeInt,
        seconds_apart: PositiveFloat | None = None,
    ) -> None:
        self.trigger = EveryNImages(every_n_images, seconds_apart=seconds_apart)
        self.images = images
        self.classified_images = classified_images
        self.limits = Limits(
            collapse_diversity=collapse_diversity,
            unlike_distance=unlike_distance,
            imbalance_accuracy=imbalance_accuracy,
            vanishing_gradient=vanishing_gradient,
            overfitting_gap=overfitting_gap,
        )
        self.policy = policy
        self.acts_on = {"nan", *(name for kind in act_on for name in (IMBALANCE if kind == "imbalance" else (kind,)))}
        self.rollbacks = rollbacks
        self.rollback_factor = rollback_factor
        self.seed = seed
        self.alarms: dict[str, Alarm] = {name: Alarm(1 if name == "nan" else patience) for name in HELPS}
        self.messages: list[str] = []  # of alarms and rollbacks, for the run's record
        self.earlier_messages: list[str] = []  # of the run before the checkpoint that it was resumed from
        self.reasons: dict[str, str] = {}  # the last message of each alarm
        self.rolled_back = 0
        self.diagnostics: Diagnostics | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse a policy that can't work.

        Raises:
            UserError: a rollback without checkpoints.
        """
        self.check(trainer)

    def check(self, trainer: Trainer) -> None:
        """Refuse a policy that can't work.

        Raises:
            UserError: a rollback without checkpoints.
        """
        if self.policy == "rollback" and last_checkpoint(trainer) is None:
            raise UserError("callbacks.health.policy=rollback goes back to what callbacks.checkpoint keeps; add it")

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Prepare the fixed images, and hold the checkpoint if an alarm was near when it was saved.

        All processes do so: none shall wait at a check while another decodes images. A run that ends before its first
        check needs none.
        """
        self.hold_checkpoint(trainer)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        end = trainer.max_steps * data.batch_size * trainer.world_size
        is_checked = trainer.max_steps == -1 or self.trigger.is_due(end)
        if self.diagnostics is None and is_checked and hasattr(pl_module, "sample"):  # not a translator
            self.diagnostics = Diagnostics(
                data, pl_module, count=self.images, classified_images=self.classified_images, seed=self.seed
            )

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Check, at a logging point.

        Raises:
            Stopped: the policy is to stop, or there were enough rollbacks.
            RolledBack: the policy is to roll back.
        """
        if trainer.global_step % trainer.log_every_n_steps:  # type: ignore[attr-defined]
            return
        broken = not_finite(trainer, pl_module)
        on_any_process = trainer.strategy.reduce_boolean_decision(bool(broken), all=False)
        self.update_alarm(trainer, "nan", on_any_process, ", ".join(broken) or "numbers of another process")
        if not self.alarms["nan"].on and self.trigger.comes(trainer, pl_module.images_seen):
            self.examine(trainer, pl_module)
            self.trigger.happened(pl_module.images_seen)
        for name in sorted(self.acts_on):
            if self.alarms[name].on:
                self.act(trainer, name)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check once more: the end need not be a logging point.

        Raises:
            Stopped: the run has reached its end, but its last state is broken.
            RolledBack: the policy is to roll back.
        """
        if not is_finite(trainer):
            self.update_alarm(trainer, "nan", True, "weights or optimizer states")
            self.act(trainer, "nan")
            raise Stopped(f"trained to the end, but what came out can't be used: {self.reasons.get('nan', 'nan')}")

    def examine(self, trainer: Trainer, pl_module: Any) -> None:
        """Measure, compare with the limits, and log."""
        measured = self.measure(trainer, pl_module) if trainer.is_global_zero else {}
        measured = trainer.strategy.broadcast(measured)
        for name, (bad, description) in self.limits.judge(measured).items():
            self.update_alarm(trainer, name, bad, description)
        self.hold_checkpoint(trainer)
        logged = {name: value for name, value in measured.items() if name.startswith("health/")}
        logged |= {f"alarm/{name}": 1.0 for name, alarm in self.alarms.items() if alarm.on}  # others have no curve
        log_scalars(trainer, logged, trainer.global_step)

    def measure(self, trainer: Trainer, pl_module: Any) -> dict[str, float]:
        """Compute the numbers of a check, and add those of the logging point."""
        scalars: dict[str, Tensor] = {}
        if pl_module.latest_logits:
            scalars["health/logit_gap"] = separation(pl_module.latest_logits["real"], pl_module.latest_logits["fake"])
        if self.diagnostics is not None:
            scalars |= self.diagnostics.measure(pl_module)
        values = torch.stack([scalar.float() for scalar in scalars.values()]).tolist() if scalars else []
        known = {name: float(value) for name, value in trainer.callback_metrics.items()}  # on the CPU already
        return known | dict(zip(scalars, values, strict=True))

    def hold_checkpoint(self, trainer: Trainer) -> None:
        """Keep the last good checkpoint while an alarm that the policy acts on is near."""
        checkpoint = last_checkpoint(trainer)
        if checkpoint is not None:
            checkpoint.hold = self.policy != "warn" and any(self.alarms[name].streak for name in self.acts_on)

    def update_alarm(self, trainer: Trainer, name: str, bad: bool, description: str) -> None:
        """Count the outcome of a check, and log what changes.

        Args:
            trainer: whose loggers write.
            name: of the alarm.
            bad: True counts towards the alarm, False ends it.
            description: the measured values in words.
        """
        alarm = self.alarms[name]
        change = alarm.update(bad)
        if change is None:
            return
        line = f"batch {trainer.global_step}: {name.replace('_', ' ')} {change}"
        if change == "begins":
            line += f": {'not finite: ' if name == 'nan' else ''}{description}. What usually helps: {HELPS[name]}"
        if trainer.is_global_zero:
            log.warning("Alarm at %s", line)
        self.messages.append(line)
        self.reasons[name] = line
        log_scalars(trainer, {f"alarm/{name}": float(alarm.on)}, trainer.global_step)
        log_text(trainer, f"alarm/{name}", line, trainer.global_step)

    def act(self, trainer: Trainer, name: str) -> None:
        """Act as the policy says.

        Raises:
            Stopped: end the run.
            RolledBack: go on from the last good checkpoint.
        """
        if self.policy == "warn":
            return
        reason = self.reasons.get(name, f"batch {trainer.global_step}: {name.replace('_', ' ')}")
        checkpoint = last_checkpoint(trainer)
        if self.policy == "stop":
            raise Stopped(f"stopped at {reason}")
        if self.rolled_back >= self.rollbacks:
            raise Stopped(f"stopped after {self.rolled_back} rollback(s) at {reason}")
        if checkpoint is None or not checkpoint.file.exists():
            raise Stopped(f"stopped, for want of a checkpoint to go back to, at {reason}")
        count = self.rolled_back + 1
        batch = roll_back(trainer, checkpoint.file, self.rollback_factor, {self.state_key: {"rolled_back": count}})
        line = (
            f"batch {trainer.global_step}: back to batch {batch} with learning rates times {self.rollback_factor:g} "
            f"(rollback {count} of {self.rollbacks})"
        )
        self.messages.append(line)
        if trainer.is_global_zero:
            log.warning("At %s", line)
        raise RolledBack(checkpoint.file)

    def state_dict(self) -> HealthState:  # type: ignore[override]
        """State that a resumed run needs."""
        alarms: Any = {name: alarm.state_dict() for name, alarm in self.alarms.items()}
        earlier = self.earlier_messages
        messages = [*earlier, *(line for line in self.messages if line not in earlier)]
        return {
            "checked_at": self.trigger.last,
            "rolled_back": self.rolled_back,
            "alarms": alarms,
            "messages": messages,
        }

    def load_state_dict(self, state_dict: HealthState) -> None:  # type: ignore[override]
        """Restore the state of a checkpoint; without a health check until then it holds the rollbacks at most."""
        self.trigger.last = state_dict.get("checked_at", 0)
        self.rolled_back = state_dict["rolled_back"]
        self.earlier_messages = state_dict.get("messages", [])
        for name, state in state_dict.get("alarms", {}).items():
            if name in self.alarms:
                self.alarms[name].load_state_dict(state)


def not_finite(trainer: Trainer, pl_module: LightningModule) -> list[str]:
    """Name the metrics of this logging point that are NaN or infinite, and "weights" if a weight or a statistic is."""
    # Under a gradient scaler an infinite gradient is nothing unusual: it skips the step and lowers the scale.
    scaled = getattr(trainer.precision_plugin, "scaler", None) is not None
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(FINITE)}
    names = [name for name, value in metrics.items() if not isfinite(value) and not (scaled and "gradient" in name)]
    state = (value for value in pl_module.state_dict().values() if value.is_floating_point())
    return names if are_finite(state) else [*names, "weights or running statistics"]


def last_checkpoint(trainer: Trainer) -> LastCheckpoint | None:
    """Find the callback that keeps the checkpoint for a rollback."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, LastCheckpoint)), None)
