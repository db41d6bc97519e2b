import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan_lab.data import mapped
from gan_lab.data.in_memory import EpochLoader
from gan_lab.utils.batches import LabelledImages

pytestmark = pytest.mark.skipif(not hasattr(mmap.mmap, "madvise"), reason="Windows tells the system nothing")
HEADER = 128  # bytes of numpy's, before the first image


class Listening:
    """A map that notes what the system is asked for, in place of asking."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def madvise(self, option: int, start: int, length: int) -> None:
        assert option == mmap.MADV_WILLNEED
        self.asked.append((start, length))


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    """Forty images of 3,000 bytes, each of one value, in a mapped file."""
    values = np.arange(40, dtype=np.uint8)[:, None, None, None]
    np.save(tmp_path / "images.npy", np.broadcast_to(values, (40, 3, 20, 50)))
    return np.load(tmp_path / "images.npy", mmap_mode="c")


def listened(images: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    listening = Listening()
    monkeypatch.setattr(mapped, "_MAPS", {images.data_ptr(): listening})
    return listening.asked


def test_whole_pages_are_asked_for_that_hold_the_images(saved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmap, "PAGESIZE", 4096)
    images = mapped.as_tensor(saved)[:38]
    assert mapped.is_mapped(images)
    assert images.data_ptr() % mmap.PAGESIZE == HEADER
    asked = listened(images, monkeypatch)
    mapped.read_ahead(images, torch.tensor([0, 1, 30]))
    # 128 to 3128; 3128 to 6128; 90128 = 22 * 4096 + 16 to 93128
    assert asked == [(0, 3128), (0, 6128), (90112, 93128 - 90112)]


def test_the_system_takes_what_it_is_asked(saved: Any) -> None:
    images = mapped.as_tensor(saved)
    mapped.read_ahead(images, torch.arange(40))
    assert images[:, 0, 0, 0].tolist() == [*range(40)]


def test_other_tensors_are_left_alone(saved: Any) -> None:
    kept = mapped.as_tensor(saved)
    assert mapped.is_mapped(kept)
    assert not mapped.is_mapped(kept[1:])
    assert not mapped.is_mapped(mapped.as_tensor(np.zeros((4, 1, 2, 2), np.uint8)))
    assert not mapped.is_mapped(kept.clone())


def test_a_file_that_is_let_go_is_forgotten(saved: Any, tmp_path: Path) -> None:
    before = len(mapped._MAPS)
    images = mapped.as_tensor(np.load(tmp_path / "images.npy", mmap_mode="c"))
    assert len(mapped._MAPS) == before + 1
    del images
    assert len(mapped._MAPS) == before


@pytest.mark.parametrize("mirror", [False, True])
def test_each_batch_is_asked_for_once_and_before_its_turn(
    mirror: bool, saved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = mapped.as_tensor(saved)
    position = 1
    loader = EpochLoader(
        LabelledImages(images, torch.zeros(40, dtype=torch.long)),
        batch_size=8,
        seed=0,
        rank=1,
        world_size=2,
        position=lambda: position,
        mirror=mirror,
    )
    asked: list[list[int]] = []
    monkeypatch.setattr(mapped, "read_ahead", lambda part, chosen: asked.append(chosen.tolist()))
    seen = [batch.images[:, 0, 0, 0].tolist() for batch in loader]
    length = len(loader)
    assert length == (5 if mirror else 2)
    assert len(seen) == length
    assert all(chosen in asked for chosen in seen)
    assert len([chosen for chosen in asked if chosen]) == length + 1, "and the one after the last"
