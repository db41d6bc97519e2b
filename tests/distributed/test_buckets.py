"""Gradients on their way to the other processes: in which order, in how many parts, and with what bits."""

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gan_lab.callbacks.gradients import TermGradients
from gan_lab.distributed import buckets
from gan_lab.distributed.buckets import Buckets
from gan_lab.utils.errors import UserError
from tests.conftest import InTwo, same, weights
from tests.distributed.games import GAMES, data_for, in_double
from tests.distributed.test_strategy import BATCH, STEPS, share_noise, train

SMALL = 256  # bytes, of which the players of the games have many
# Games, and the parts that a batch is computed in.
IN_BUCKETS = [("gradient penalty", 1), ("schedules", 2), ("path lengths", 1), ("path lengths", 2), ("CycleGAN", 2)]


def parameters(*sizes: int, dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(size, dtype=dtype)) for size in sizes]


def places(found: Buckets, among: list[nn.Parameter]) -> list[list[int]]:
    return [[next(i for i, each in enumerate(among) if each is one) for one in bucket] for bucket in found.buckets]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What one process of two, of which the other has the same gradients, has sent."""
    tensors: list[Tensor] = []

    def all_reduce(tensor: Tensor, async_op: bool) -> Any:
        assert async_op
        tensors.append(tensor.clone())
        tensor *= 2
        return SimpleNamespace(wait=lambda: None)

    monkeypatch.setattr(dist, "all_reduce", all_reduce)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    return tensors


def test_a_small_network_is_one_bucket_and_a_large_one_begins_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    among = parameters(10, 20, 30, 1000, 5)
    assert places(Buckets(among), among) == [[0, 1, 2, 3, 4]]
    monkeypatch.setattr(buckets, "BUCKET", 4 * 50)
    assert places(Buckets(among), among) == [[4], [3], [1, 2], [0]]
    assert Buckets([]).buckets == []


def test_a_bucket_has_numbers_of_one_kind() -> None:
    among = [*parameters(1, 2), *parameters(3, dtype=torch.float64), *parameters(4)]
    assert places(Buckets(among), among) == [[3], [2], [0, 1]]


def test_buckets_leave_during_the_backward_pass_in_one_order(
    sent: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "BUCKET", 1)
    layers = nn.Sequential(*(nn.Linear(2, 2, bias=False) for _ in range(3)))
    exchange = Buckets([*layers.parameters()])
    hidden = layers[0](torch.ones(1, 2))
    before: list[int] = []  # sent before the first layer's gradient was taken
    hidden.register_hook(lambda gradient: before.append(len(sent)))
    with exchange.filling():
        layers[2](layers[1](hidden)).sum().backward()
    assert before == [2]
    assert len(sent) == 3
    exchange.average()
    for layer, tensor in zip(reversed(layers), sent, strict=True):
        assert torch.equal(tensor[:4], layer.weight.grad.flatten()), "the mean of two that are the same"
    layers[2](layers[1](layers[0](torch.ones(1, 2)))).sum().backward()
    assert len(sent) == 3, "outside of the block nothing is sent"


@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_bucket_waits_for_those_before_it(
    is_frozen: bool, sent: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "BUCKET", 1)
    first, unused = parameters(2, 3)
    exchange = Buckets([first, unused])
    unused.requires_grad_(not is_frozen)
    with exchange.filling():
        (7 * first).sum().backward()
    assert sent == []
    exchange.average()
    assert [tensor.tolist() for tensor in sent] == [[0, 0, 0, 0], [7, 7, 1]]
    assert first.grad is not None
    assert first.grad.tolist() == [7, 7]
    assert unused.grad is None


def test_a_gradient_in_two_parts_is_refused(sent: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "BUCKET", 1)
    layer = nn.Linear(2, 2)

    def backward(use_reentrant: bool) -> None:
        image = torch.ones(1, 2, requires_grad=True)
        with Buckets([*layer.parameters()]).filling():
            for _ in range(2):
                image = checkpoint(layer, image, use_reentrant=use_reentrant)
            image.sum().backward()

    backward(use_reentrant=False)
    with pytest.raises(UserError, match="use_reentrant=False"):
        backward(use_reentrant=True)
    assert not layer.weight._post_accumulate_grad_hooks, "nothing stays behind"


def gradients(size: int) -> list[float | None]:
    """Gradients of four parameters, of which each process has computed others; the last one on neither."""
    dist.init_process_group("gloo")
    computed = ([10.0, 6.0, None, None], [None, 2.0, 100.0, None])[dist.get_rank()]
    among = parameters(1, 1, 1, 1)
    for parameter, value in zip(among, computed, strict=True):
        parameter.grad = None if value is None else torch.tensor([value])
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(buckets, "BUCKET", size)
        Buckets(among).average()
    return [None if parameter.grad is None else parameter.grad.item() for parameter in among]


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_gradient_that_one_process_lacks_counts_as_zero(size: int, in_two: InTwo) -> None:
    assert in_two(gradients, size) == [[5.0, 4.0, 50.0, None]] * 2


def played(name: str, parts: int, size: int, world_size: int) -> tuple[dict[str, Tensor], int, int]:
    """Weights of a game with buckets of some size; exchanges of gradients, and how many of them began early."""
    rank = int(os.environ["RANK"]) if world_size > 1 else 0
    torch.manual_seed(rank)
    model = GAMES[name]()
    counts = {"all": 0, "late": 0}

    def counted(method: Callable[..., None], key: str) -> Callable[..., None]:
        def call(self: Buckets, *told: Any) -> None:
            before = len(self.under_way)
            counts[key] += len(self.buckets) - before if key == "late" else 1
            method(self, *told)

        return call

    with pytest.MonkeyPatch.context() as monkeypatch:
        share_noise(monkeypatch, rank, world_size)
        monkeypatch.setattr(buckets, "BUCKET", size)
        monkeypatch.setattr(Buckets, "_send", counted(Buckets._send, "all"))
        monkeypatch.setattr(Buckets, "average", counted(Buckets.average, "late"))
        data = in_double(data_for(model, BATCH // world_size))
        options = {"accumulate_grad_batches": parts, "world_size": world_size}
        train(model, data, TermGradients(every_n_logs=1), **options)
    return weights(model), counts["all"], counts["all"] - counts["late"]


def both_ways(name: str, parts: int) -> dict[str, Any]:
    at_once, few, _ = played(name, parts, buckets.BUCKET, world_size=2)
    in_buckets, many, early = played(name, parts, SMALL, world_size=2)
    return {"at once": at_once, "in buckets": in_buckets, "few": few, "many": many, "early": early}


@pytest.mark.bits
@pytest.mark.parametrize(("name", "parts"), IN_BUCKETS)
def test_buckets_change_no_bit_and_two_processes_are_one(name: str, parts: int, in_two: InTwo) -> None:
    alone, none, _ = played(name, parts, SMALL, world_size=1)
    assert none == 0
    for found in in_two(both_ways, name, parts):
        assert same(found["in buckets"], found["at once"])
        for key, value in alone.items():
            if key.endswith("running_w_mean") and parts > 1:
                continue  # of a batch's last part, which one process has more of
            assert torch.allclose(found["in buckets"][key].double(), value.double(), rtol=0, atol=1e-12), key
        assert found["few"] >= STEPS
        assert found["many"] > 2 * found["few"]
        assert found["early"] > found["many"] / 2
