"""Scores in the form in which run.json and the evaluation files keep them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NotRequired

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from gan_lab.metrics.protocol import Protocol
from gan_lab.utils.errors import UserError
from gan_lab.utils.typed_json import Count, problem


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    """Scores, the point of training they belong to, and their protocol.

    Args:
        images_seen: real images that the model had been trained on; None for images of unknown origin.
        values: scores by name.
        protocol: of the scores.
        class_counts: number of generated images of each predicted class, where the extractor predicts classes.
        per_class: scores within each class by name, one for each label, None where a class has too few images.
        class_names: of these classes by label, where they are known.
    """

    images_seen: int | None
    values: dict[str, float]
    protocol: Protocol
    class_counts: list[int] = field(default_factory=list)
    per_class: dict[str, list[float | None]] = field(default_factory=dict)
    class_names: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        record = {"images_seen": self.images_seen, "values": self.values, "protocol": self.protocol.to_dict()}
        optional = {"class_counts": self.class_counts, "per_class": self.per_class, "class_names": self.class_names}
        return record | {name: value for name, value in optional.items() if value}

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
            protocol = Protocol.from_dict(record["protocol"])
            return cls(**_form().validate_python(dict(record), strict=True), protocol=protocol)
        except ValidationError as error:
            raise UserError(f"{source}: its scores can't be read: {problem(error)}") from error
        except (KeyError, TypeError, UserError) as error:
            raise UserError(f"{source}: its scores can't be read: {error}") from error


class _Values(TypedDict):
    images_seen: Count | None
    values: dict[str, float]
    class_counts: NotRequired[list[Count]]
    per_class: NotRequired[dict[str, list[float | None]]]
    class_names: NotRequired[list[str]]


@cache
def _form() -> TypeAdapter[_Values]:
    return TypeAdapter(_Values)
