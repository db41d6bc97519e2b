"""The trigger of what callbacks do every so many images, and not too often by the clock."""

import sys
from math import inf, isfinite
from time import monotonic

from lightning import Trainer

SHORTEST = 1000  # images: more often than that, a run of a few batches would do little else


def promised(at_least: int, end: float) -> int:
    """Images in which it happens once, where it is to happen `at_least` times in a run; 1,000 at least.

    Args:
        at_least: times in the whole run; 0 for no promise.
        end: images that the whole run sees; infinite where it has no end, and nothing is promised.
    """
    return max(SHORTEST, int(end // at_least)) if at_least and isfinite(end) else sys.maxsize


def interval(every: int, at_least: int, end: float) -> int:
    """Images seen between two times: `every`, or fewer where a run would have less than `at_least` times."""
    return min(every, promised(at_least, end))


class EveryNImages:
    """Is due once whenever another `every` images have been seen, at the first look after that.

    Batches need not divide `every`: what is due at 100 images comes at 128 with batches of 64, and the next at 256.

    Args:
        every: images seen between two times.
        last: images seen when it last happened; below zero where seeing none is an occasion, too.
        seconds_apart: seconds from the end of one time to the next, at least; what is due before does not come. None
            goes by images alone, which makes two runs alike.
    """

    def __init__(self, every: int, last: int = 0, seconds_apart: float | None = None) -> None:
        self.every = every
        self.last = last
        self.seconds_apart = seconds_apart
        self.promised = sys.maxsize  # images in which it happens once, whatever the clock says
        self.refused = last  # images seen when the clock last refused
        self.when = -inf

    def is_due(self, images_seen: int) -> bool:
        """Tell that a multiple of `every` has been reached since the last time."""
        return images_seen // self.every > self.last // self.every

    def comes(self, trainer: Trainer, images_seen: int) -> bool:
        """Tell that it is due, and by the clock of the first process not too early; all processes ask.

        What is refused is asked for again at the next multiple of `every`: processes wait for the answer.
        """
        if not self.is_due(images_seen):
            return False
        if self.seconds_apart is None or images_seen // self.promised > self.last // self.promised:
            return True
        if images_seen // self.every == self.refused // self.every:
            return False
        answer: bool = trainer.strategy.broadcast(monotonic() - self.when >= self.seconds_apart)
        self.refused = self.refused if answer else images_seen
        return answer

    def happened(self, images_seen: int) -> None:
        """Remember that it has just been done."""
        self.last = images_seen
        self.when = monotonic()
