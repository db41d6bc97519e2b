"""Watches both players while they train, and does something when the game is lost."""

import logging
from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Any, Literal

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from pydantic import Field
from torch import Tensor

from gan_lab.callbacks.alarm import Alarm
from gan_lab.callbacks.checkpoints import LastCheckpoint, are_finite, is_finite
from gan_lab.callbacks.diagnostics import Diagnostics, separation
from gan_lab.callbacks.rollback import RolledBack, roll_back
from gan_lab.callbacks.trigger import EveryNImages
from gan_lab.utils.errors import UserError
from gan_lab.utils.loggers import log_scalars, log_text
from gan_lab.utils.types import NonNegativeInt, PositiveInt, Probability

log = logging.getLogger(__name__)

Curable = Literal["collapse", "imbalance"]
IMBALANCE = ("generator_lost", "discriminator_lost")
FINITE = ("loss/", "logit/", "gradient_norm/")  # what must be, of all that is logged
HELPS = {
    "nan": "lower learning rates (model.optimizer.generator.lr), trainer.precision=32-true",
    "collapse": "a penalty (model/penalty=r1), a lower generator learning rate, larger batches (data.batch_size)",
    "generator_lost": "a lower discriminator learning rate, model/objective=non_saturating, a penalty "
    "(model/penalty=r1), spectral norm (model.network.discriminator.norm=spectral)",
    "discriminator_lost": "more discriminator steps (model.n_critic=2), a higher discriminator learning rate, "
    "a wider discriminator",
}


class Stopped(UserError):  # noqa: N818 - an ending, as Interrupted
    """Training could not go on, and was ended between two batches."""


class Health(Callback):
    """Measures what tells how a game stands, raises alarms, and stops a run or rolls it back.

    It looks at logging points only, where the numbers of a step are read off the device anyway. At each, losses,
    scores, gradient norms and weights must be finite. At the first one after every `every_n_images` images it measures:

    - health/logit_gap: how far the scores of real and of generated images of the batch lie apart, in their standard
      deviations.
    - health/overfitting: the same for images that are trained on and others that are not, in evaluation mode; far
      above zero where the discriminator knows its images by heart. Where logits have a decision threshold, also
      health/accuracy/train and health/accuracy/validation, the share of each that it takes for real. Compare the two:
      with batch norm both jump.
    - health/diversity: root mean square distance of two samples over that of two real images, of one class where the
      model is told classes.
    - health/share/0, ...: the share of each class among samples, where a classifier is shipped and costs little.

    A translator of images has only the first. Alarms tell, once when they begin and once when they end, of

    - nan: something is not finite.
    - collapse: `patience` times in a row, samples were less diverse than `collapse_diversity`.
    - generator_lost: as often, the discriminator was right at least in a share `imbalance_accuracy` of both kinds of
      images (or of pairs), and the norm of the generator's gradient at most `vanishing_gradient`. A Wasserstein critic
      has no right and wrong: there is no such alarm.
    - discriminator_lost: as often, it took at least that share of generated images for real.

    What is measured is the first process's, so that all decide alike. Training is not changed by being watched.

    Args:
        every_n_images: images seen between two checks.
        images: of each kind that a check looks at.
        classified_images: how many of the samples are classified; 0 for none.
        collapse_diversity: the lowest diversity that is no collapse.
        imbalance_accuracy: the share from which on a player counts as sure of everything.
        vanishing_gradient: the highest norm of the generator's gradient that counts as none.
        patience: bad checks in a row before an alarm other than nan.
        policy: what alarms lead to: "warn" goes on, "stop" ends the run, "rollback" goes back to the last good
            checkpoint with lower learning rates.
        act_on: the alarms that lead to it beside nan, which does not pass; "imbalance" is either player's loss.
        rollbacks: how often at most; then the run stops.
        rollback_factor: of both players' learning rates at each.
        seed: of the images and latents.
    """

    def __init__(
        self,
        *,
        every_n_images: PositiveInt,
        images: Annotated[int, Field(ge=2)],
        classified_images: NonNegativeInt,
        collapse_diversity: Annotated[float, Field(ge=0.0)],
        imbalance_accuracy: Probability,
        vanishing_gradient: Annotated[float, Field(ge=0.0)],
        patience: PositiveInt,
        policy: Literal["warn", "stop", "rollback"],
        act_on: Sequence[Curable],
        rollbacks: NonNegativeInt,
        rollback_factor: Annotated[float, Field(gt=0.0, lt=1.0)],
        seed: NonNegativeInt,
    ) -> None:
        self.trigger = EveryNImages(every_n_images)
        self.images = images
        self.classified_images = classified_images
        self.collapse_diversity = collapse_diversity
        self.imbalance_accuracy = imbalance_accuracy
        self.vanishing_gradient = vanishing_gradient
        self.policy = policy
        self.acts_on = {"nan", *(name for kind in act_on for name in (IMBALANCE if kind == "imbalance" else (kind,)))}
        self.rollbacks = rollbacks
        self.rollback_factor = rollback_factor
        self.seed = seed
        self.alarms = {name: Alarm(1 if name == "nan" else patience) for name in HELPS}
        self.told: list[str] = []  # what alarms said, for the run's record
        self.remembered: list[str] = []  # and what they had said until the checkpoint that the run goes on from
        self.reasons: dict[str, str] = {}  # what each said last
        self.rolled_back = 0
        self.diagnostics: Diagnostics | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Look for what a rollback needs.

        Raises:
            UserError: there is nothing to go back to.
        """
        self.check(trainer)

    def check(self, trainer: Trainer) -> None:
        """Refuse a policy that can't work.

        Raises:
            UserError: a rollback without checkpoints.
        """
        if self.policy == "rollback" and last_checkpoint(trainer) is None:
            raise UserError("callbacks.health.policy=rollback goes back to what callbacks.checkpoint keeps; add it")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Doubt a state that was doubted when it was saved."""
        self.guard(trainer)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Look, at a logging point.

        Raises:
            Stopped: the policy is to stop, or there were enough rollbacks.
            RolledBack: the policy is to go back.
        """
        if trainer.global_step % trainer.log_every_n_steps:  # type: ignore[attr-defined]
            return
        broken = not_finite(trainer, pl_module)
        self.hear(trainer, "nan", trainer.strategy.reduce_boolean_decision(bool(broken), all=False), ", ".join(broken))
        if self.trigger.is_due(pl_module.images_seen) and not self.alarms["nan"].on:
            self.trigger.last = pl_module.images_seen
            self.examine(trainer, pl_module)
        for name in sorted(self.acts_on):
            if self.alarms[name].on:
                self.act(trainer, name)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look once more: the end need not be a logging point.

        Raises:
            Stopped: the run has reached its end, but its last state is lost; to warn and go on has not helped.
            RolledBack: the policy is to go back.
        """
        if not is_finite(trainer):
            self.hear(trainer, "nan", True, "weights or optimizer states")
            self.act(trainer, "nan")
            raise Stopped(f"trained to the end, but what came out can't be used: {self.reasons.get('nan', 'nan')}")

    def examine(self, trainer: Trainer, pl_module: Any) -> None:
        """Measure, log and judge."""
        measured = self.measure(trainer, pl_module) if trainer.is_global_zero else {}
        measured = trainer.strategy.broadcast(measured)
        self.raise_alarms(trainer, measured)
        self.guard(trainer)
        logged = {name: value for name, value in measured.items() if name.startswith("health/")}
        logged |= {f"alarm/{name}": float(alarm.on) for name, alarm in self.alarms.items()}
        log_scalars(trainer, logged, trainer.global_step)

    def measure(self, trainer: Trainer, pl_module: Any) -> dict[str, float]:
        """The numbers of a check, and those of the logging point."""
        signs: dict[str, Tensor] = {}
        if pl_module.latest_logits:
            signs["health/logit_gap"] = separation(pl_module.latest_logits["real"], pl_module.latest_logits["fake"])
        if hasattr(pl_module, "sample"):  # draws from latents
            if self.diagnostics is None:
                data: Any = trainer.datamodule  # type: ignore[attr-defined]
                self.diagnostics = Diagnostics(
                    data, pl_module, count=self.images, classified_images=self.classified_images, seed=self.seed
                )
            signs |= self.diagnostics.measure(pl_module)
        values = torch.stack([sign.float() for sign in signs.values()]).tolist() if signs else []
        known = {name: float(value) for name, value in trainer.callback_metrics.items()}  # on the CPU already
        return known | dict(zip(signs, values, strict=True))

    def raise_alarms(self, trainer: Trainer, measured: dict[str, float]) -> None:
        """Hold what was measured against the limits."""
        diversity = measured.get("health/diversity", float("inf"))
        seen = f"two samples differ by {diversity:.1%} of what two real images do"
        self.hear(trainer, "collapse", diversity < self.collapse_diversity, seen)

        right = [measured[f"accuracy/{kind}"] for kind in ("real", "fake", "pairs") if f"accuracy/{kind}" in measured]
        norm = measured.get("gradient_norm/generator", float("inf"))
        seen = f"the discriminator is right about {min(right, default=0.0):.0%}, the generator's gradient is {norm:.1e}"
        sure_of_all = bool(right) and min(right) >= self.imbalance_accuracy
        self.hear(trainer, "generator_lost", sure_of_all and norm <= self.vanishing_gradient, seen)

        caught = measured.get("accuracy/fake", measured.get("accuracy/pairs", 1.0))
        seen = f"the discriminator takes {1 - caught:.0%} of the generated images for real"
        self.hear(trainer, "discriminator_lost", 1 - caught >= self.imbalance_accuracy, seen)

    def guard(self, trainer: Trainer) -> None:
        """A state that the policy may be about to leave must not take the place of the one to go back to."""
        checkpoint = last_checkpoint(trainer)
        if checkpoint is not None:
            checkpoint.hold = self.policy != "warn" and any(self.alarms[name].streak for name in self.acts_on)

    def hear(self, trainer: Trainer, name: str, bad: bool, seen: str) -> None:
        """Pass an outcome on to its alarm, and tell what that changes."""
        alarm = self.alarms[name]
        change = alarm.hear(bad)
        if change is None:
            return
        line = f"batch {trainer.global_step}: {name.replace('_', ' ')} {change}"
        if change == "begins":
            line += f": {described(name, seen)}. What usually helps: {HELPS[name]}"
        if trainer.is_global_zero:
            log.warning("Alarm at %s", line)
        self.told.append(line)
        self.reasons[name] = line
        log_scalars(trainer, {f"alarm/{name}": float(alarm.on)}, trainer.global_step)
        log_text(trainer, f"alarm/{name}", line, trainer.global_step)

    def act(self, trainer: Trainer, name: str) -> None:
        """Do what the policy says.

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
        self.told.append(line)
        if trainer.is_global_zero:
            log.warning("At %s", line)
        raise RolledBack(checkpoint.file)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must not forget."""
        alarms = {name: alarm.state_dict() for name, alarm in self.alarms.items()}
        told = [*self.remembered, *(line for line in self.told if line not in self.remembered)]
        return {"checked_at": self.trigger.last, "rolled_back": self.rolled_back, "alarms": alarms, "told": told}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where the checkpoint stood; a run that was not watched until then remembers its rollbacks at most."""
        self.trigger.last = state_dict.get("checked_at", 0)
        self.rolled_back = state_dict["rolled_back"]
        self.remembered = state_dict.get("told", [])
        for name, state in state_dict.get("alarms", {}).items():
            self.alarms[name].load_state_dict(state)


def not_finite(trainer: Trainer, pl_module: LightningModule) -> list[str]:
    """The names of what is NaN or infinite among the numbers of this logging point and the weights."""
    # Under a gradient scaler an infinite gradient is nothing unusual: it skips the step and lowers the scale.
    scaled = getattr(trainer.precision_plugin, "scaler", None) is not None
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(FINITE)}
    names = [name for name, value in metrics.items() if not isfinite(value) and not (scaled and "gradient" in name)]
    return names if are_finite(pl_module.parameters()) else [*names, "weights"]


def described(name: str, seen: str) -> str:
    """What was seen, as part of a sentence."""
    return f"not finite: {seen or 'numbers of another process'}" if name == "nan" else seen


def last_checkpoint(trainer: Trainer) -> LastCheckpoint | None:
    """The callback that keeps what one could go back to."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, LastCheckpoint)), None)
