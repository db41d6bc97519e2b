"""Numbers that change over a run, as pure functions of how far it has come.

A schedule keeps no state: a resumed run has the values of one that never stopped. Those that go by the share of the run
that is done need to know its end, so a resumed run has to end where it was going to end. Those that go by images seen
don't.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from pydantic import Field

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Moment(NamedTuple):
    """A moment of a run.

    Args:
        progress: the share of the run's batches that are done, in [0, 1).
        images: real images trained on so far, by all processes together.
    """

    progress: float
    images: int


@runtime_checkable
class Schedule(Protocol):
    """A number for each moment of a run.

    A class whose numbers don't depend on `progress` says so by `needs_an_end = False`.
    """

    def __call__(self, moment: Moment) -> float:
        """The factor of a learning rate, in [0, 1], or the value of another number."""
        ...


class Constant:
    """The number that the configuration states elsewhere, all along."""

    needs_an_end: ClassVar[bool] = False

    def __call__(self, moment: Moment) -> float:
        """1, the factor of a learning rate; another number is left alone."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class LinearDecay:
    """1 until `start`, then in a straight line to zero at the end.

    With start 0.5 as in CycleGAN (Zhu et al. 2017, section 7.1, arXiv:1703.10593).
    """

    start: Annotated[float, Field(ge=0.0, lt=1.0)]

    def __call__(self, moment: Moment) -> float:
        """min(1, (1 - progress) / (1 - start))."""
        return max(0.0, min(1.0, (1 - moment.progress) / (1 - self.start)))


class Cosine:
    """Half a cosine wave from 1 to zero.

    Loshchilov and Hutter 2017, equation 5, without restarts (arXiv:1608.03983).
    """

    def __call__(self, moment: Moment) -> float:
        """(1 + cos(pi progress)) / 2."""
        return (1 + math.cos(math.pi * min(moment.progress, 1.0))) / 2


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """From one value to another over so many images, and from then on the last one.

    Along half a cosine wave it is the burn-in of R3GAN (Huang et al. 2024, arXiv:2501.05441). A straight line from 0 to
    the full half-life of a moving average, over 20 times as many images, is the ramp-up of StyleGAN2's: the half-life
    is never more than 0.05 of the images seen (Karras et al. 2020, arXiv:2006.06676).

    Args:
        start: the first value.
        end: the last value.
        images: over which the value moves.
        shape: of the way: a straight line, or half a cosine wave.
        hold: images with the first value, before it begins to move.
    """

    needs_an_end: ClassVar[bool] = False

    start: Finite
    end: Finite
    images: Annotated[int, Field(ge=1)]
    shape: Literal["linear", "cosine"]
    hold: Annotated[int, Field(ge=0)]

    def __call__(self, moment: Moment) -> float:
        """start (1 - s) + end s, where s goes from 0 to 1: with t the share of the images, t or (1 - cos(pi t)) / 2."""
        share = max(0.0, min(1.0, (moment.images - self.hold) / self.images))
        if self.shape == "cosine":
            share = (1 - math.cos(math.pi * share)) / 2
        return self.start * (1 - share) + self.end * share
