"""Random numbers for the images of a batch, which stay an image's own when the batch is computed in pieces.

A batch may be too large for the memory, and be computed piece by piece. Each piece then begins from the same state of
the generator, and `rows` says which images of the batch it has. Every draw in there is made for the whole batch, and
gives the piece its part: an image gets the numbers that it would have had in one piece.

The numbers come from the default generator of the device, and without `rows` they have the bits of torch's own
functions. The first dimension of every draw is the image. Nothing here waits for the device.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor


class Window(NamedTuple):
    """Images from `start` up to `stop`, without it, of a batch of `total`."""

    start: int
    stop: int
    total: int

    @property
    def size(self) -> int:
        """The number of images."""
        return self.stop - self.start

    @property
    def share(self) -> float:
        """The images' share of the batch."""
        return self.size / self.total

    def every_nth(self, n: int) -> "Window":
        """Those of these images that a batch of every n-th image has, the first one included; there may be none."""
        return Window(-(-self.start // n), -(-self.stop // n), -(-self.total // n))


_window: ContextVar[Window | None] = ContextVar("window", default=None)


@contextmanager
def rows(start: int, stop: int, total: int) -> Iterator[None]:
    """Draw for a batch of `total` images, and give its images from `start` up to `stop`, without it.

    What is drawn for several such batches in a row, real images and then generated ones for example, is drawn for all
    of them, m * total, and comes as m * (stop - start) rows: the window's of the first batch, then of the second.
    A piece has to make as many draws as the whole batch would, of the same shapes apart from the first dimension.

    Raises:
        ValueError: the window is empty, or reaches beyond the batch.
    """
    if not 0 <= start < stop <= total:
        raise ValueError(f"images {start} to {stop} are no part of a batch of {total}")
    token = _window.set(Window(start, stop, total))
    try:
        yield
    finally:
        _window.reset(token)


def piece(count: int) -> Window:
    """The place of so many images in their batch: the window's within `rows`, else they are all.

    Raises:
        ValueError: the window has another number of images.
    """
    window = _window.get() or Window(0, count, count)
    if window.size != count:
        raise ValueError(f"{count} images, where a piece of {window.size} is computed")
    return window


def is_divided() -> bool:
    """True within `rows`."""
    return _window.get() is not None


def rand(count: int, *shape: int, like: Tensor) -> Tensor:
    """Uniform numbers in [0, 1), (count, *shape), of the device and the type of `like`.

    Raises:
        ValueError: `count` is no multiple of the window's images.
    """
    return own(lambda n: torch.rand(n, *shape, device=like.device, dtype=like.dtype), count)


def randn(count: int, *shape: int, like: Tensor) -> Tensor:
    """Normal numbers of mean 0 and deviation 1, (count, *shape), of the device and the type of `like`.

    Raises:
        ValueError: `count` is no multiple of the window's images.
    """
    return own(lambda n: torch.randn(n, *shape, device=like.device, dtype=like.dtype), count)


def randint(high: int, count: int, *shape: int, like: Tensor) -> Tensor:
    """Whole numbers from 0 to high - 1, int64 (count, *shape), on the device of `like`.

    Raises:
        ValueError: `count` is no multiple of the window's images.
    """
    return own(lambda n: torch.randint(high, (n, *shape), device=like.device), count)


def own(draw: Callable[[int], Tensor], count: int) -> Tensor:
    """Numbers (count, ...) of any drawing.

    Args:
        draw: makes them (n, ...) for n images.
        count: images wanted.

    Raises:
        ValueError: `count` is no multiple of the window's images.
    """
    window = _window.get()
    if window is None:
        return draw(count)
    start, stop, total = window
    batches, rest = divmod(count, stop - start)
    if rest:
        raise ValueError(f"numbers for {count} images, of which {stop - start} of each {total} are wanted")
    drawn = draw(batches * total)
    return drawn.reshape(batches, total, *drawn.shape[1:])[:, start:stop].flatten(0, 1)
