"""Groups of runs that differ only in their seed: repetitions of one setup."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from statistics import mean, stdev
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_lab.config.facts import facts_about, plain
from gan_lab.config.saved_config import leaves
from gan_lab.evaluation.run_scores import LeftOut, ScoredRun
from gan_lab.metrics.titles import title
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import Fact


@dataclass(frozen=True)
class Spread:
    """Mean of a score over runs, and the sample standard deviation (None for one run)."""

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Compute the spread of one value or more."""
        return cls(mean(values), stdev(values) if len(values) > 1 else None)


@dataclass(frozen=True)
class Group:
    """Runs of one setup.

    Args:
        name: the model and the overrides of the setup, without those that all groups share.
        members: the runs and their scores.
    """

    name: str
    members: list[ScoredRun]

    @property
    def images_seen(self) -> int | None:
        """The number of real images that each member was trained on."""
        return self.members[0].scores.images_seen

    @property
    def scores(self) -> dict[str, Spread]:
        """The spread of each score that all members have."""
        values = [member.scores.values for member in self.members]
        return {
            name: Spread.of([one[name] for one in values]) for name in values[0] if all(name in one for one in values)
        }

    @property
    def images_per_second(self) -> float | None:
        """The mean speed of the members whose records have one."""
        speeds = [member.run.record().get("images_per_second") for member in self.members]
        known = [float(speed) for speed in speeds if speed is not None]
        return mean(known) if known else None


def group(scored: Iterable[ScoredRun]) -> tuple[list[Group], list[LeftOut]]:
    """Group runs whose configurations differ only in the seed, and that have seen equally many images.

    Returns:
        The groups, and the runs whose configurations can't be read.

    Raises:
        UserError: that holds for all of them.
    """
    by_setup: dict[str, list[ScoredRun]] = defaultdict(list)
    left_out = []
    for one in scored:
        try:
            by_setup[json.dumps([setup(one.run), one.scores.images_seen], sort_keys=True, default=str)].append(one)
        except UserError as error:
            left_out.append(LeftOut.because(one.run.folder, error))
    if left_out and not by_setup:
        raise UserError(left_out[0].reason)
    parts = [name_parts(members[0].run) for members in by_setup.values()]
    shared = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    names = [" ".join([model, *(part for part in overrides if part not in shared)]) for model, *overrides in parts]
    return [Group(name, members) for name, members in zip(names, by_setup.values(), strict=True)], left_out


def ranked(groups: Iterable[Group], score: str) -> list[Group]:
    """Sort groups by the mean of a score, the best first; groups without the score, or with NaN, come last."""
    minimised = title(score).minimised

    def place(group: Group) -> tuple[bool, float]:
        spread = group.scores.get(score)
        known = spread is not None and not isnan(spread.mean)
        return not known, minimised(spread.mean) if spread and known else 0

    return sorted(groups, key=place)


def setup(run: Run) -> dict[str, Any]:
    """The values that decide what a run learns, by their paths.

    Raises:
        UserError: the configuration can't be read.
    """
    config = run.config()
    config.seed, config.run_dir, config.resume = 0, None, None  # before other values are derived from the seed
    try:
        values: Any = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"{run.config_file}: {str(error).splitlines()[0]}") from error
    return {path: value for path, value in leaves(values) if Fact.INCIDENTAL not in facts_about(values, path)}


def name_parts(run: Run) -> list[str]:
    """The model, then the other overrides of the run's command line that affect training."""
    values = plain(run.config())
    target = str(OmegaConf.select(run.config(), "model._target_"))
    model = run.choices().get("model") or target.rpartition(".")[2].lower()
    overrides = [override.lstrip("+~") for override in run.overrides() or []]

    def is_noise(key: str) -> bool:
        """Tell if an override says nothing of what was learned, or the model, which is named first."""
        top = key.partition(".")[0]
        return key == "model" or top in ("hydra", "debug") or Fact.INCIDENTAL in facts_about(values, key)

    return [model, *(override for override in overrides if not is_noise(override.partition("=")[0]))]
