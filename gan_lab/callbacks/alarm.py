"""Alarms of a lost game: conditions that must last before they count, and the limits at which they begin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from typing_extensions import TypedDict

from gan_lab.utils.typed_json import Count

HELPS = {
    "nan": "lower learning rates (model.optimizer.generator.lr), trainer.precision=32-true",
    "collapse": "a penalty (model/penalty=r1), a lower generator learning rate, larger batches (data.batch_size)",
    "unlike_data": "another generator learning rate (model.optimizer.generator.lr): a higher one where samples hardly "
    "change, a lower one where all are alike or saturated",
    "generator_lost": "a lower discriminator learning rate, model/objective=non_saturating, a penalty "
    "(model/penalty=r1), spectral norm (model.network.discriminator.norm=spectral)",
    "discriminator_lost": "more discriminator steps (model.n_critic=2), a higher discriminator learning rate, "
    "a wider discriminator",
    "overfitting": "random changes of all images that the discriminator sees (model/augment=ada or diffaugment), more "
    "training images, fewer of them held out",
}


class AlarmState(TypedDict):
    """State in checkpoints."""

    streak: Count
    on: Literal[0, 1]


class Alarm:
    """Begins when several checks in a row were bad, ends with the first good one.

    Args:
        patience: bad checks in a row.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.streak = 0
        self.on = False

    def update(self, bad: bool) -> Literal["begins", "ends"] | None:
        """Count the outcome of a check; return the change of the alarm, if any."""
        self.streak = self.streak + 1 if bad else 0
        before, self.on = self.on, self.streak >= self.patience
        if before == self.on:
            return None
        return "begins" if self.on else "ends"

    def state_dict(self) -> AlarmState:
        """State for the checkpoint: a resumed run must neither count anew nor repeat a message."""
        return {"streak": self.streak, "on": 1 if self.on else 0}

    def load_state_dict(self, state: AlarmState) -> None:
        """Restore the state of a checkpoint."""
        self.streak, self.on = state["streak"], bool(state["on"])


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits beyond which a check is bad.

    Args:
        collapse_diversity: the lowest diversity that is no collapse.
        unlike_distance: the energy distance from which on samples have nothing of the data.
        imbalance_accuracy: the share from which on a player counts as sure of everything.
        vanishing_gradient: the highest norm of the generator's gradient that counts as none.
        overfitting_gap: the separation of the logits of training images from those of others from which on the
            discriminator knows its images by heart.
    """

    collapse_diversity: float
    unlike_distance: float
    imbalance_accuracy: float
    vanishing_gradient: float
    overfitting_gap: float

    def judge(self, measured: Mapping[str, float]) -> dict[str, tuple[bool, str]]:
        """Compare measured values with the limits; a value that is missing is no reason for an alarm.

        Returns:
            For each alarm but nan: True if the check was bad, and the measured values in words.
        """
        distance = measured.get("health/distance", 0.0)
        is_unlike = not distance < self.unlike_distance  # NaN is
        diversity = measured.get("health/diversity", float("inf"))
        accuracies = [
            measured[f"accuracy/{kind}"] for kind in ("real", "fake", "pairs") if f"accuracy/{kind}" in measured
        ]
        accuracy = min(accuracies, default=0.0)
        norm = measured.get("gradient_norm/generator", float("inf"))
        gap = measured.get("health/overfitting", 0.0)
        fooled = 1 - measured.get("accuracy/fake", measured.get("accuracy/pairs", 1.0))
        return {
            "collapse": (
                diversity < self.collapse_diversity,
                f"two samples differ by {diversity:.1%} of what two real images do",
            ),
            "unlike_data": (is_unlike, f"samples have an energy distance of {distance:.2f} from real images"),
            "generator_lost": (
                bool(accuracies)
                and accuracy >= self.imbalance_accuracy
                and (is_unlike or norm <= self.vanishing_gradient),
                f"the discriminator is right about {accuracy:.0%}, the generator's gradient is {norm:.1e}",
            ),
            "discriminator_lost": (
                fooled >= self.imbalance_accuracy,
                f"the discriminator takes {fooled:.0%} of the generated images for real",
            ),
            "overfitting": (
                gap >= self.overfitting_gap,
                f"logits of training images lie {gap:.1f} standard deviations above those of others",
            ),
        }
