"""The protocol of a score: all that must be equal for two scores to be comparable."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache, cached_property
from importlib.metadata import version
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

import gan_lab
from gan_lab.metrics.extractors import Plain
from gan_lab.utils import hashes
from gan_lab.utils.errors import UserError
from gan_lab.utils.typed_json import Count, problem

DEFINITIONS = 1  # raise it when a score's definition changes: older numbers are then no longer comparable
ENOUGH = 10_000  # images on each side; below, FID's bias is no longer small (Chong & Forsyth 2020, arXiv:1911.07023)
NOT_COUNTED: Mapping[str, bool] = {"counts": False}  # of a field: recorded, but no reason against comparing scores
NOT_COUNTED_OF_EXTRACTOR = {"accuracy"}  # a property of the weights, whose hash counts
Weights = Literal["ema", "raw", "given"]
Task = Literal["paired", "unpaired"]
Labels = Literal["data", "in turn"]


def extractor_hash(identity: Mapping[str, Plain]) -> str:
    """Hash the part of an extractor's identity that decides its features."""
    return hashes.of_values({part: value for part, value in identity.items() if part not in NOT_COUNTED_OF_EXTRACTOR})


def installed() -> dict[str, str]:
    """Versions of the packages that compute scores."""
    return {"gan_lab": gan_lab.__version__, "torch": version("torch"), "torchmetrics": version("torchmetrics")}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """All that must be equal for two scores to be comparable, and some facts that need not.

    The seed of the latents and of the random subsets and the packages' versions are recorded but don't count: they
    change a score within its noise. `DEFINITIONS` counts changes beyond that.

    Args:
        extractor: its `identity`, with the antialias choice and the dtype of features.
        data: content hash of the real images and their labels.
        split: of the dataset.
        n_real: number of real images; 0 for statistics from a file that doesn't say it.
        n_fake: number of generated images.
        weights: the generator's: "ema", "raw", or "given" for images of unknown origin.
        dtype: of the statistics.
        seed: of latents and subsets.
        definitions: version of the scores' definitions.
        versions: of packages.
        task: of a model that translates, "paired" where sources have a right answer; of one that generates from noise
            None, as in the next two.
        directions: of translation, "a2b" or "a2b b2a".
        source: content hash of the images that were translated, and of their right answers where there are some.
        labels: of the images of a conditional model, "data" where classes are as frequent as in the data, which is what
            a model without labels learns too, so it doesn't count. "in turn" where each was asked for equally often,
            as up to 0.2, which does.
        preset: name of the published protocol that was asked for. It stands before the id and doesn't count: the same
            choices made one by one give the same numbers.
    """

    extractor: dict[str, Plain]
    data: str
    split: str
    n_real: Count
    n_fake: Count
    weights: Weights
    seed: int = field(metadata=NOT_COUNTED)
    dtype: str = "float64"
    definitions: int = DEFINITIONS
    versions: dict[str, str] = field(default_factory=installed, metadata=NOT_COUNTED)
    task: Task | None = None
    directions: str | None = None
    source: str | None = None
    labels: Labels | None = None
    preset: str | None = field(default=None, metadata=NOT_COUNTED)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the id and without what does not apply."""
        return {"id": self.id, **{name: value for name, value in asdict(self).items() if value is not None}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Protocol":
        """Make a protocol from the plain values of `to_dict`.

        Raises:
            UserError: the values are not those of a protocol.
        """
        try:
            given = {name: value for name, value in values.items() if name != "id"}
            optional = {item.name for item in fields(cls) if item.default is None}
            wrong = sorted((given.keys() | optional) ^ {item.name for item in fields(cls)})
            if wrong:
                raise UserError(f"a score's protocol can't be read: {', '.join(wrong)}")
            return _form().validate_json(json.dumps(given), strict=True)
        except (ValidationError, AttributeError) as error:
            said = problem(error) if isinstance(error, ValidationError) else "it has no values"
            raise UserError(f"a score's protocol can't be read: {said}") from error

    @cached_property
    def id(self) -> str:
        """Eight hex digits, equal for comparable scores."""
        return hashes.of_values(dict(self._counted()))[:8]

    @property
    def shown(self) -> str:
        """The id, after the name of the published protocol where one was asked for: "fid50k-1a2b3c4d"."""
        return f"{self.preset}-{self.id}" if self.preset else self.id

    @property
    def fewest(self) -> int:
        """Number of images of the smaller side; of the generated ones where the number of real ones isn't known."""
        return min(self.n_real or self.n_fake, self.n_fake)

    @property
    def small(self) -> bool:
        """True for so few images that FID's bias is large."""
        return self.fewest < ENOUGH

    def label(self, score: str) -> str:
        """A score's name, with a note where it is biased: "FID (n=1,000, biased)"."""
        return f"{score} (n={self.fewest:,}, biased)" if self.small else score

    def difference(self, other: "Protocol") -> list[str]:
        """List the reasons for which scores of the two protocols are not comparable; none if they are."""
        mine, others = dict(self._counted()), dict(other._counted())
        return [
            f"{name}: {shown(mine.get(name))} and {shown(others.get(name))}"
            for name in dict.fromkeys([*mine, *others])
            if mine.get(name) != others.get(name)
        ]

    def _counted(self) -> Iterator[tuple[str, Plain]]:
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name == "extractor":
                for part, detail in value.items():
                    if part not in NOT_COUNTED_OF_EXTRACTOR:
                        yield f"extractor {part}", detail
            elif option.name == "labels" and value == "data":
                continue
            elif option.metadata.get("counts", True) and value is not None:
                yield option.name, value


@cache
def _form() -> TypeAdapter[Protocol]:
    return TypeAdapter(Protocol)


def shown(value: Plain) -> str:
    """Format a value for reading: thousands separated, hashes shortened."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)
    return text[:8] if len(text) == 64 else text
