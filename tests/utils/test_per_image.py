"""Draws of images, in one piece and in several."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from gan_lab.utils import per_image
from gan_lab.utils.per_image import Window

LIKE = torch.empty(0)
Draw = Callable[[int], Tensor]
DRAWS: dict[str, Draw] = {
    "rand": lambda count: per_image.rand(count, 2, like=LIKE),
    "randn": lambda count: per_image.randn(count, 2, like=LIKE),
    "randint": lambda count: per_image.randint(1000, count, 2, like=LIKE),
}
all_draws = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


def from_start(draw: Draw, count: int, seed: int = 3) -> Tensor:
    torch.manual_seed(seed)
    return draw(count)


def test_they_are_those_of_torch() -> None:
    torch.manual_seed(3)
    theirs = torch.rand(5, 2), torch.randn(5, 3, 4), torch.randint(7, (5, 1)), torch.rand(5, dtype=torch.float64)
    torch.manual_seed(3)
    ours = (
        per_image.rand(5, 2, like=LIKE),
        per_image.randn(5, 3, 4, like=LIKE),
        per_image.randint(7, 5, 1, like=LIKE),
        per_image.rand(5, like=LIKE.double()),
    )
    for our, their in zip(ours, theirs, strict=True):
        assert our.dtype == their.dtype
        assert torch.equal(our, their)


@all_draws
@pytest.mark.parametrize("pieces", [[(0, 20)], [(0, 7), (7, 14), (14, 20)], [(3, 4)]])
def test_a_piece_has_the_numbers_of_its_images(draw: Draw, pieces: list[tuple[int, int]]) -> None:
    whole = from_start(draw, 20)
    for start, stop in pieces:
        with per_image.rows(start, stop, 20):
            assert torch.equal(from_start(draw, stop - start), whole[start:stop])


@all_draws
def test_real_and_generated_images_of_a_piece_have_those_of_their_kinds(draw: Draw) -> None:
    real, fake = from_start(draw, 40).split(20)
    with per_image.rows(5, 12, 20):
        assert torch.equal(from_start(draw, 14), torch.cat((real[5:12], fake[5:12])))


@all_draws
def test_later_draws_of_a_piece_are_those_of_its_images_too(draw: Draw) -> None:
    torch.manual_seed(3)
    wholes = draw(20), draw(40), draw(20)
    after = torch.get_rng_state()
    torch.manual_seed(3)
    with per_image.rows(5, 12, 20):
        pieces = draw(7), draw(14), draw(7)
    assert torch.equal(pieces[0], wholes[0][5:12])
    assert torch.equal(pieces[1], torch.cat((wholes[1][5:12], wholes[1][25:32])))
    assert torch.equal(pieces[2], wholes[2][5:12])
    assert torch.equal(torch.get_rng_state(), after), "what is drawn after the piece is the same again"


def test_a_window_ends_with_its_block_even_if_that_fails() -> None:
    with pytest.raises(OSError, match="full"), per_image.rows(0, 2, 4):
        raise OSError("full")
    assert len(per_image.rand(3, like=LIKE)) == 3


@pytest.mark.parametrize("window", [(-1, 2, 4), (2, 2, 4), (3, 2, 4), (2, 5, 4)])
def test_a_window_lies_in_its_batch(window: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"no part of a batch of 4"), per_image.rows(*window):
        pass


def test_a_piece_knows_its_place_in_the_batch() -> None:
    assert per_image.piece(5) == (0, 5, 5)
    with per_image.rows(2, 5, 8):
        assert per_image.piece(3) == (2, 5, 8)
        assert (per_image.piece(3).size, per_image.piece(3).share) == (3, 3 / 8)
        with pytest.raises(ValueError, match="4 images, where a piece of 3 is computed"):
            per_image.piece(4)


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_pieces_share_every_nth_image_of_the_batch_among_them(n: int) -> None:
    ends, chosen = [0, 2, 3, 8], list(range(0, 8, n))
    pieces = [Window(start, stop, 8) for start, stop in pairwise(ends)]
    thinned = [piece.every_nth(n) for piece in pieces]
    for piece, few in zip(pieces, thinned, strict=True):
        assert few.total == len(chosen)
        assert chosen[few.start : few.stop] == [image for image in chosen if piece.start <= image < piece.stop]
    assert sum(few.share for few in thinned) == pytest.approx(1)


def test_numbers_of_a_batch_that_is_not_made_of_such_pieces_are_refused() -> None:
    with per_image.rows(0, 3, 6), pytest.raises(ValueError, match="numbers for 4 images, of which 3 of each 6"):
        per_image.rand(4, like=LIKE)
