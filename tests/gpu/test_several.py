"""Several CUDA devices: two processes are one, and agree without waiting for their devices.

python -m pytest -m gpu
"""

import os
from typing import Any

import pytest
import torch

from gan_lab.callbacks.graceful_stop import Interrupted
from gan_lab.distributed import buckets, collectives
from tests.conftest import InTwo, TinyImages, same, tiny_gan, weights
from tests.distributed.games import GAMES, data_for, in_double
from tests.distributed.test_buckets import SMALL
from tests.distributed.test_strategy import BATCH, Signalled, share_noise, train
from tests.models.test_cyclegan import tiny_cyclegan

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are no two CUDA devices: these tests need them"),
]
ON_CUDA: dict[str, Any] = {"accelerator": "cuda", "world_size": 2}


def played(name: str, size: int) -> dict[str, Any]:
    """Weights of a game, on the processor, after a training on two devices with buckets of some size."""
    torch.manual_seed(0)
    model = GAMES[name]()
    with pytest.MonkeyPatch.context() as monkeypatch:
        share_noise(monkeypatch, int(os.environ["RANK"]), 2)
        monkeypatch.setattr(buckets, "BUCKET", size)
        train(model, in_double(data_for(model, BATCH // 2)), **ON_CUDA)
    return {key: value.cpu() for key, value in weights(model).items()}


def both_ways(name: str) -> dict[str, Any]:
    return {"at once": played(name, buckets.BUCKET), "in buckets": played(name, SMALL)}


@pytest.mark.parametrize("name", ["gradient penalty", "path lengths"])
def test_processes_hold_the_same_weights_and_buckets_change_next_to_nothing(name: str, in_two: InTwo) -> None:
    first, second = in_two(both_ways, name)
    assert same(first["at once"], second["at once"])
    assert same(first["in buckets"], second["in buckets"])
    for key, value in first["at once"].items():
        torch.testing.assert_close(first["in buckets"][key], value, rtol=0, atol=1e-9)


def interruption() -> tuple[int, int, str]:
    """A signal that the second process alone hears; agreeing on it may not wait for the device."""
    model = tiny_gan()
    agree = collectives.all_reduce_max

    def without_waiting(number: int) -> int:
        torch.cuda.set_sync_debug_mode("error")
        try:
            return agree(number)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(collectives, "all_reduce_max", without_waiting)
        with pytest.raises(Interrupted) as caught:
            train(model, TinyImages(), Signalled(), precision="32-true", max_steps=40, **ON_CUDA)
    return int(str(caught.value.code)), model.images_seen, torch.distributed.get_backend()


def test_both_stop_at_the_same_batch_without_waiting_for_their_devices(in_two: InTwo) -> None:
    found = in_two(interruption)
    assert [each[:2] for each in found] == [(143, 10 * 2 * 8)] * 2
    assert {each[2] for each in found} != {"nccl"}


def pools() -> list[list[str]]:
    """The devices of the pools of each process, as this one's checkpoint holds them."""
    model = tiny_cyclegan()
    trainer = train(model, data_for(model, 4), precision="32-true", max_steps=3, **ON_CUDA)
    of_each = trainer._checkpoint_connector.dump_checkpoint()["per_rank_state"]
    return [[pool.device.type for name, pool in each.items() if name.endswith("images")] for each in of_each]


def test_a_checkpoint_takes_other_processes_pools_in_memory_of_the_processor(in_two: InTwo) -> None:
    assert in_two(pools) == [[["cuda", "cuda"], ["cpu", "cpu"]], []]
