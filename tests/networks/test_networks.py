"""Rules that all networks keep."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from tests.networks.players import (
    Pair,
    layers,
    loud,
    make_mlp,
    make_small,
    make_sngan,
    make_stylegan2,
    make_transposed,
    make_upsample,
)


@pytest.mark.parametrize(
    ("make", "size", "channels"),
    [
        (make_mlp, 28, 1),
        (make_mlp, 12, 3),
        (make_transposed, 32, 1),
        (make_transposed, 64, 3),
        (make_transposed, 8, 1),
        (make_upsample, 28, 1),
        (make_upsample, 32, 3),
        (make_small, 28, 1),
        (make_small, 64, 3),
        (make_sngan, 32, 1),
        (make_sngan, 64, 3),
        (make_sngan, 128, 3),
    ],
)
def test_players_fit_each_other_and_the_images(make: Callable[..., Pair], size: int, channels: int) -> None:
    generator, discriminator = make(size, channels)
    images = generator(torch.randn(2, 100))
    assert images.shape == (2, channels, size, size)
    assert discriminator(images).shape == (2, 1)
    assert 0.99 < loud(generator)(torch.randn(2, 100)).abs().max() <= 1


@pytest.mark.parametrize("make", [make_mlp, make_transposed, make_upsample, make_small, make_sngan])
def test_discriminators_end_in_a_logit_not_a_probability(make: Callable[..., Pair]) -> None:
    _, discriminator = make()
    assert not layers(discriminator, nn.Sigmoid)


def test_logits_are_batch_independent_where_a_discriminator_says_so() -> None:
    for make in (make_mlp, make_transposed, make_upsample, make_small, make_sngan, make_stylegan2):
        discriminator = make()[1].double()  # a weak dependence is told from rounding
        size = 32 if make in (make_transposed, make_sngan, make_stylegan2) else 28
        if make is make_sngan:
            discriminator.eval()  # while training, each forward brings spectral norm nearer to its end
        images = torch.randn(6, 1, size, size, dtype=torch.float64)
        images[1] = images[0]  # alone these two differ in nothing, beside others they lie in a batch that varies
        beside, alone = discriminator(images)[:2], discriminator(images[:2])
        if getattr(discriminator, "batch_independent", False):
            torch.testing.assert_close(beside, alone)
        else:
            assert (beside - alone).abs().max() > 1e-9, make.__name__
