import pytest
import torch

from gan_lab.metrics import classifier
from tests.conftest import same, weights


def stripes(count: int = 300) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes that anything can learn: horizontal and vertical stripes."""
    labels = torch.arange(count) % 2
    rows = (torch.arange(12) % 4 < 2).byte() * 255
    images = torch.stack([rows[:, None].expand(12, 12), rows[None].expand(12, 12)])[labels]
    return images[:, None].contiguous(), labels


@pytest.mark.bits
def test_the_seed_decides_every_weight() -> None:
    first, again, other = (classifier.train(*stripes(), seed=seed, epochs=1) for seed in (1, 1, 2))
    assert same(weights(first), weights(again))
    assert not same(weights(first), weights(other))


def test_training_learns_and_leaves_torchs_random_numbers_alone() -> None:
    state = torch.get_rng_state()
    model = classifier.train(*stripes(), seed=0, epochs=20)
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    assert classifier.accuracy(model, *stripes(1100)) == 1.0


def test_fewer_images_than_a_batch_can_be_trained_on() -> None:
    assert classifier.train(*stripes(10), seed=0, epochs=1)(torch.zeros(3, 1, 12, 12)).shape == (3, 2)


@pytest.mark.parametrize(("size", "stride"), [((32, 48), 1), ((33, 34), 2)])
def test_large_images_are_halved_first(size: tuple[int, int], stride: int) -> None:
    model = classifier.train(torch.zeros(4, 3, *size, dtype=torch.uint8), torch.arange(4) % 2, seed=0, epochs=1)
    assert model.convolutions[:3](torch.zeros(1, 3, *size)).shape[2:] == tuple(-(-side // stride) for side in size)


def test_accuracy_is_the_share_told_right() -> None:
    images, labels = stripes(8)
    model = classifier.train(*stripes(), seed=0, epochs=20)
    wrong = labels.clone()
    wrong[:2] = 1 - wrong[:2]
    assert classifier.accuracy(model, images, wrong) == 0.75


def test_images_are_shifted_each_on_its_own_within_two_pixels() -> None:
    images = torch.zeros(400, 2, 9, 7, dtype=torch.uint8)
    images[:, 0, 4, 3] = 7
    images[:, 1, 4, 3] = 9
    moved = classifier.shifted(images, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    assert moved[:, 0].sum((1, 2)).eq(7).all()
    assert torch.equal(moved[:, 0] > 0, moved[:, 1] > 0), "channels move together"
    places = {(int(row) - 4, int(column) - 3) for _, row, column in moved[:, 0].nonzero()}
    assert places == {(row, column) for row in range(-2, 3) for column in range(-2, 3)}


def test_what_moves_in_is_black() -> None:
    moved = classifier.shifted(torch.full((50, 1, 9, 9), 255, dtype=torch.uint8), torch.Generator().manual_seed(0))
    assert set(moved.unique().tolist()) == {0, 255}
    assert moved[:, :, 2:-2, 2:-2].eq(255).all()
