"""Batches one ahead, with copies that the test plays; tests/gpu has real ones."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from gan_lab.data import feeding
from gan_lab.data.feeding import fed, one_ahead
from gan_lab.data.in_memory import EpochLoader
from gan_lab.data.unpaired import UnpairedLoader
from gan_lab.utils.batches import LabelledImages, map_tensors

COUNT = 32
INDEX = torch.arange(COUNT)
CUDA = torch.device("cuda", 0)


class Played:
    """Copies to a device that there isn't, where everything is larger by 1000; and what was done, in its order."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int]] = []

    def needed(self, batch: LabelledImages) -> bool:
        return bool(batch.labels[0] < 1000)

    def start(self, batch: LabelledImages) -> Callable[[], LabelledImages]:
        first = int(batch.labels[0])
        self.done.append(("start", first))

        def arrive() -> LabelledImages:
            self.done.append(("arrive", first))
            return map_tensors(lambda part: part + 1000, batch)

        return arrive


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    copies = Played()
    monkeypatch.setattr(feeding, "copies_to", lambda device: copies)
    return copies


def batches(*labels: int) -> Iterator[LabelledImages]:
    return (LabelledImages(torch.zeros(1, 1, 1, 1), torch.tensor([label])) for label in labels)


def loader(**options: Any) -> EpochLoader[LabelledImages]:
    return EpochLoader(LabelledImages(INDEX.reshape(COUNT, 1, 1, 1), INDEX), batch_size=8, seed=0, **options)


def labels(found: Any) -> list[list[int]]:
    return [batch[1].flatten().tolist() for batch in found]


def test_a_copy_begins_before_the_batch_ahead_is_trained_on(played: Played) -> None:
    for batch in one_ahead(batches(1, 2, 3), played.needed, played.start):
        played.done.append(("train", int(batch.labels) - 1000))
    assert played.done == [
        ("start", 1),
        *(("start", 2), ("arrive", 1), ("train", 1)),
        *(("start", 3), ("arrive", 2), ("train", 2)),
        *(("arrive", 3), ("train", 3)),
    ]
    assert [*one_ahead(batches(), played.needed, played.start)] == []


def test_what_lies_on_the_device_is_handed_out_at_once(played: Played) -> None:
    taken: list[int] = []
    there = (taken.append(int(batch.labels)) or batch for batch in batches(1001, 1002))  # type: ignore[func-returns-value]
    first = next(one_ahead(there, played.needed, played.start))
    assert (int(first.labels), taken, played.done) == (1001, [1001], [])


def test_on_the_processor_batches_stay_what_they_are() -> None:
    whole = batches(1, 2)
    assert fed(whole, torch.device("cpu")) is whole


@pytest.mark.parametrize("step", [0, 1, 3, 6])
def test_a_loader_feeds_the_same_batches_from_any_step(step: int, played: Played) -> None:
    here = labels(loader(position=lambda: step))
    there = labels(loader(position=lambda: step, device=CUDA))
    assert there == [[label + 1000 for label in batch] for batch in here]
    assert len(there) == 4


def test_two_domains_are_fed_together(played: Played) -> None:
    domains = loader(), loader()
    here, there = (UnpairedLoader(*domains, position=lambda: 2, device=device) for device in (feeding.CPU, CUDA))
    played.needed = lambda batch: True  # type: ignore[method-assign]
    played.start = lambda batch: lambda: map_tensors(lambda part: part + 1000, batch)  # type: ignore[method-assign]
    assert labels(there) == [[label + 1000 for label in batch] for batch in labels(here)]
