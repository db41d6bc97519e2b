"""Scores as a run's record and files beside it hold them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_lab.metrics.protocol import Protocol
from gan_lab.utils.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    """What was found, when in training, and how.

    Args:
        images_seen: real images that the model was trained on before; None for images of unknown origin.
        values: scores by name.
        protocol: how they came about.
        class_counts: how many of the generated images show each class, where the extractor tells classes.
    """

    images_seen: int | None
    values: dict[str, float]
    protocol: Protocol
    class_counts: list[int] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        told = {"images_seen": self.images_seen, "values": self.values, "protocol": self.protocol.to_dict()}
        return told | {"class_counts": self.class_counts} if self.class_counts else told

    @classmethod
    def from_dict(cls, told: Mapping[str, Any], source: object) -> "ScoreRecord":
        """Back from plain values; what else there is is left alone.

        Args:
            told: the plain values.
            source: where they are from, for the message.

        Raises:
            UserError: they are not those of scores.
        """
        try:
            values = {str(name): float(value) for name, value in told["values"].items()}
            seen = told["images_seen"]
            images_seen = None if seen is None else int(seen)
            protocol = Protocol.from_dict(told["protocol"])
            counts = [int(count) for count in told.get("class_counts", ())]
            return cls(images_seen=images_seen, values=values, protocol=protocol, class_counts=counts)
        except (KeyError, TypeError, ValueError, AttributeError, UserError) as error:
            raise UserError(f"{source}: its scores can't be read: {error}") from error
