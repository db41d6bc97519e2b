"""Collectives with the other processes played by the test; tests/distributed/test_strategy.py has real ones."""

import pytest
import torch
import torch.distributed as dist

from gan_lab.distributed import collectives


@pytest.fixture
def distributed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(collectives, "is_distributed", lambda: True)
    return monkeypatch


def test_rows_come_out_in_the_order_in_which_they_were_dealt(distributed: pytest.MonkeyPatch) -> None:
    rows = torch.arange(10.0).reshape(5, 2)
    distributed.setattr(collectives, "gather_all_tensors", lambda share: [rows[0::3], rows[1::3], rows[2::3]])
    assert torch.equal(collectives.gather_rows(rows[0::3]), rows)


def test_an_empty_share_is_no_hindrance(distributed: pytest.MonkeyPatch) -> None:
    rows = torch.arange(2.0).reshape(1, 2)
    distributed.setattr(collectives, "gather_all_tensors", lambda share: [rows, rows[:0]])
    assert torch.equal(collectives.gather_rows(rows), rows)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.int64, torch.bool])
def test_one_bit_that_differs_is_seen(dtype: torch.dtype, distributed: pytest.MonkeyPatch) -> None:
    here = torch.ones(1000, dtype=dtype)
    there = here.clone()
    collectives.as_integers(there)[123] ^= 1
    sums = torch.stack([collectives.as_integers(tensor).sum(dtype=torch.long) for tensor in (here, there)])

    def all_reduce(extremes: torch.Tensor, operation: object) -> None:
        others = torch.cat((sums, ~sums))
        extremes.copy_(torch.maximum(extremes, others))

    distributed.setattr(dist, "all_reduce", all_reduce)
    assert collectives.mismatched([here, here]) == [1]  # the other process holds (here, there)


def test_the_first_process_goes_ahead_and_lets_the_others_in_even_if_it_fails(distributed: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    distributed.setattr(collectives, "all_reduce_max", lambda number: order.append("barrier"))
    for rank in (0, 1):
        distributed.setattr(dist, "get_rank", lambda rank=rank: rank)
        with collectives.rank_zero_first():
            order.append(f"rank {rank}")
    assert order == ["rank 0", "barrier", "barrier", "rank 1"]
    distributed.setattr(dist, "get_rank", lambda: 0)
    with pytest.raises(OSError, match="full"), collectives.rank_zero_first():
        raise OSError("full")
    assert order[4:] == ["barrier"]
