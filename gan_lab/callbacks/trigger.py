"""The trigger of what callbacks do every so many images."""

from math import isfinite

SHORTEST = 1000  # images: more often than that, a run of a few batches would do little else


def interval(every: int, at_least: int, end: float) -> int:
    """Images seen between two times: `every`, or down to 1,000 where a run would have less than `at_least` times.

    Args:
        every: the longest interval.
        at_least: times in the whole run; 0 leaves `every` as it is.
        end: images that the whole run sees; infinite where it has no end.
    """
    return min(every, max(SHORTEST, int(end // at_least))) if at_least and isfinite(end) else every


class EveryNImages:
    """Is due once whenever another `every` images have been seen, at the first look after that.

    Batches need not divide `every`: what is due at 100 images comes at 128 with batches of 64, and the next at 256.

    Args:
        every: images seen between two times.
        last: images seen when it last happened; below zero where seeing none is an occasion, too.
    """

    def __init__(self, every: int, last: int = 0) -> None:
        self.every = every
        self.last = last

    def is_due(self, images_seen: int) -> bool:
        """Tell that a multiple of `every` has been reached since the last time."""
        return images_seen // self.every > self.last // self.every
