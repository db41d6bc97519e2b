"""The history of generated images: what goes in, what comes out, and that a checkpoint keeps it."""

import pytest
import torch

from gan_lab.models.image_pool import ImagePool


def numbered(start: int, count: int) -> torch.Tensor:
    return torch.arange(start, start + count).float().view(-1, 1, 1, 1)


def test_images_are_handed_on_while_there_is_room() -> None:
    pool = ImagePool(4, (1, 1, 1))
    assert torch.equal(pool(numbered(0, 3)), numbered(0, 3))
    assert pool.filled == 3
    assert torch.equal(pool.images[:3], numbered(0, 3))


def test_an_image_is_handed_out_or_kept_never_lost_or_doubled() -> None:
    torch.manual_seed(0)
    pool, given, handed = ImagePool(5, (1, 1, 1)), 0, []
    for size in (3, 4, 1, 5, 12, 2):
        handed.append(pool(numbered(given, size)))
        given += size
    first = {int(value) for value in numbered(0, 5).flatten()}  # these were kept and handed on
    seen = torch.cat(handed).flatten().tolist() + pool.images.flatten().tolist()
    counts = {number: seen.count(float(number)) for number in range(given)}
    assert {number for number, count in counts.items() if count == 2} <= first
    assert set(counts.values()) <= {1, 2}


def test_once_full_half_of_what_comes_out_is_older() -> None:
    torch.manual_seed(0)
    pool = ImagePool(50, (1, 1, 1))
    pool(numbered(0, 50))
    older = sum(int((pool(numbered(step, 20)) < step).sum()) for step in range(1000, 5000, 20))
    assert older / 4000 == pytest.approx(0.5, abs=0.03)


def test_without_places_nothing_changes() -> None:
    pool, fresh = ImagePool(0, (1, 1, 1)), numbered(0, 3)
    assert pool(fresh) is fresh


def test_no_gradient_flows_through_it() -> None:
    fresh = torch.ones(2, 1, 1, 1, requires_grad=True)
    assert not ImagePool(3, (1, 1, 1))(fresh * 2).requires_grad


def test_a_checkpoint_keeps_the_images_and_how_many_there_are() -> None:
    pool, other = ImagePool(4, (1, 1, 1)), ImagePool(4, (1, 1, 1))
    pool(numbered(0, 3))
    other.load_state_dict(pool.state_dict())
    for each in (pool, other):
        torch.manual_seed(1)
        each(numbered(10, 4))
    assert other.filled == pool.filled == 4
    assert torch.equal(other.images, pool.images)
