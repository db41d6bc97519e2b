"""Learning rates over a run, as pure functions of how far it has come.

A schedule maps progress, the share of the run's batches that are done, in [0, 1), to a factor of the learning rate.
It keeps no state: a resumed run that ends where it was going to end has the same rates.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field


@runtime_checkable
class Schedule(Protocol):
    """A factor of the learning rate for each moment of a run."""

    def __call__(self, progress: float) -> float:
        """The factor, in [0, 1]."""
        ...


class Constant:
    """The same rate all along."""

    def __call__(self, progress: float) -> float:
        """1."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class LinearDecay:
    """Full until `start`, then in a straight line to zero at the end.

    With start 0.5 as in CycleGAN (Zhu et al. 2017, section 7.1, arXiv:1703.10593).
    """

    start: Annotated[float, Field(ge=0.0, lt=1.0)]

    def __call__(self, progress: float) -> float:
        """min(1, (1 - progress) / (1 - start))."""
        return max(0.0, min(1.0, (1 - progress) / (1 - self.start)))


class Cosine:
    """Half a cosine wave from full to zero.

    Loshchilov and Hutter 2017, equation 5, without restarts (arXiv:1608.03983).
    """

    def __call__(self, progress: float) -> float:
        """(1 + cos(pi progress)) / 2."""
        return (1 + math.cos(math.pi * min(progress, 1.0))) / 2
