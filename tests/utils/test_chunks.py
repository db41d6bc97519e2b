import gc
from weakref import ref

import pytest
import torch
from torch import Tensor, nn

from gan_lab.utils import chunks, memory
from gan_lab.utils.chunks import applied

CUDA = (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has")
SHORTAGES = [
    CUDA,
    (RuntimeError, "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
    (RuntimeError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    (MemoryError, ""),
]
Error = tuple[type[Exception], str]


class Crowded(nn.Module):
    """Doubles images, as many as memory takes; keeps how many it was given."""

    def __init__(self, room: int, error: Error = CUDA) -> None:
        super().__init__()
        self.room, self.error = room, error
        self.asked: list[int] = []

    def forward(self, images: Tensor, *more: Tensor | None) -> Tensor:
        self.asked.append(len(images))
        if len(images) > self.room:
            raise self.error[0](self.error[1])
        return sum((each for each in more if each is not None), 2 * images)


def crowded(network: nn.Module, room: int) -> list[int]:
    """Have a network run out of memory above so many images; returns the numbers that it is given, as they come."""
    asked: list[int] = []

    def count(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        asked.append(len(given[0]))
        if len(given[0]) > room:
            raise CUDA[0](CUDA[1])

    network.register_forward_pre_hook(count)
    return asked


@pytest.mark.parametrize("error", SHORTAGES, ids=lambda error: error[0].__name__)
def test_a_shortage_halves_what_a_network_gets(error: Error) -> None:
    network, images = Crowded(70, error), torch.arange(600.0)
    assert torch.equal(applied(network, images), 2 * images)
    assert network.asked == [512, 256, 128, *[64] * 9, 24]


def test_what_fitted_is_remembered_of_each_network_while_it_lives() -> None:
    network, other, images = Crowded(70), Crowded(1000), torch.arange(128.0)
    applied(network, images)
    network.asked.clear()
    applied(network, images)
    applied(network, images[:100], most=32)
    applied(other, images)
    assert (network.asked, other.asked) == ([64, 64, 32, 32, 32, 4], [128])
    before = len(chunks._fitting)
    del network
    gc.collect()
    assert len(chunks._fitting) == before - 1


def test_inputs_stay_side_by_side_and_none_stays_none() -> None:
    first, second = torch.arange(10.0), torch.arange(10.0) * 100
    assert torch.equal(applied(Crowded(3), first, None, second), 2 * first + second)


def test_tuples_are_joined_part_by_part_and_no_image_is_one_call() -> None:
    def both(images: Tensor) -> tuple[Tensor, Tensor]:
        return images, network(images)

    network, images = Crowded(4), torch.arange(10.0)
    for count in (10, 3, 0):
        found = applied(network, images[:count], by=both)
        assert torch.equal(found[0], images[:count])
        assert torch.equal(found[1], 2 * images[:count])


def test_results_that_memory_takes_at_once_are_those_of_the_network_itself() -> None:
    network, images = nn.Linear(7, 5), torch.randn(300, 7)
    assert torch.equal(applied(network, images), network(images))


def test_one_image_that_does_not_fit_is_an_error_in_a_line() -> None:
    network = Crowded(0)
    with pytest.raises(torch.OutOfMemoryError) as caught:
        applied(network, torch.zeros(8))
    assert network.asked == [8, 4, 2, 1]
    said = memory.shortage(caught.value)
    assert said == f"out of memory for a single image (20.00 MiB more were asked for): {memory.SMALLER}"


def test_other_errors_are_raised_at_once() -> None:
    network = Crowded(1, (RuntimeError, "mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes"):
        applied(network, torch.zeros(8))
    assert network.asked == [8]


def test_what_a_failed_attempt_held_is_free_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    class Maps:
        """Feature maps, which a weak reference can watch."""

    held: list[ref[Maps]] = []

    def greedy(images: Tensor) -> Tensor:
        maps = Maps()
        held.append(ref(maps))
        if len(images) > 2:
            raise CUDA[0](CUDA[1])
        return images

    freed: list[bool] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: freed.append(held[-1]() is None))
    applied(nn.Identity(), torch.zeros(8), by=greedy)
    assert freed == [True, True]
