"""Scores in the form in which run.json and the evaluation files keep them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_lab.metrics.protocol import Protocol
from gan_lab.utils.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    """Scores, the point of training they belong to, and their protocol.

    Args:
        images_seen: real images that the model had been trained on; None for images of unknown origin.
        values: scores by name.
        protocol: of the scores.
        class_counts: number of generated images of each predicted class, where the extractor predicts classes.
    """

    images_seen: int | None
    values: dict[str, float]
    protocol: Protocol
    class_counts: list[int] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        record = {"images_seen": self.images_seen, "values": self.values, "protocol": self.protocol.to_dict()}
        return record | {"class_counts": self.class_counts} if self.class_counts else record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], source: object) -> "ScoreRecord":
        """Make scores from the plain values of `to_dict`; other entries are ignored.

        Args:
            record: the plain values.
            source: their file, for the error message.

        Raises:
            UserError: the values are not those of scores.
        """
        try:
            values = {str(name): float(value) for name, value in record["values"].items()}
            images_seen = None if record["images_seen"] is None else int(record["images_seen"])
            protocol = Protocol.from_dict(record["protocol"])
            counts = [int(count) for count in record.get("class_counts", ())]
            return cls(images_seen=images_seen, values=values, protocol=protocol, class_counts=counts)
        except (KeyError, TypeError, ValueError, AttributeError, UserError) as error:
            raise UserError(f"{source}: its scores can't be read: {error}") from error
