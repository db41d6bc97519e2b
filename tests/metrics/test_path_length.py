import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from gan_lab.metrics import path_length
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.extractors import Custom
from gan_lab.metrics.path_length import STEP, distance_for, slerp
from gan_lab.utils.errors import UserError
from tests.conftest import SIZE, tiny_cgan, tiny_gan


class Straight:
    """A generator that shows its latent as pixels, in float64 so that steps of 1e-4 are exact."""

    latent_dim = 64

    def seeded_latents(self, count: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed % 2**31)
        codes = torch.ones(count, 3, dtype=torch.float64)
        return torch.cat((torch.randn(count, 64, generator=generator, dtype=torch.float64), codes), 1)

    def make_condition(self, count: int) -> tuple[Tensor, ...]:
        return ()

    def sample(self, latents: Tensor, ema: bool) -> Tensor:
        assert (latents[:, 64:] == 1).all(), "codes stay"
        return latents[:, :64].reshape(-1, 1, 8, 8)


def squared(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().flatten(1).sum(1)


def test_of_a_straight_generator_it_is_the_squared_length_of_the_arc() -> None:
    """|z| = 8, and the angle of random latents is a right one: (8 pi / 2)^2 and its spread, per unit of the way."""
    found = path_length.path_length(Straight(), 500, squared, seed=0, ema=True)
    start, end = (Straight().seeded_latents(500, seed)[:, :64] for seed in (1, 2))
    angles = torch.nn.functional.cosine_similarity(start, end).arccos()
    assert found == pytest.approx(float(64 * angles.square().mean()), rel=0.05)


def test_the_way_begins_and_ends_at_the_latents_and_keeps_its_length() -> None:
    generator = torch.Generator().manual_seed(0)
    start, end = (torch.randn(5, 16, generator=generator, dtype=torch.float64) for _ in range(2))
    for place, latent in ((0.0, start), (1.0, end)):
        found = slerp(start, end, torch.full((5, 1), place, dtype=torch.float64))
        assert torch.allclose(found, latent / latent.norm(dim=1, keepdim=True) * 4)
    assert slerp(start, end, torch.full((5, 1), 0.3)).norm(dim=1).tolist() == pytest.approx([4] * 5)


def test_outliers_do_not_count() -> None:
    lengths = torch.ones(200, dtype=torch.float64)
    lengths[7] = 1e9
    model = Straight()
    parts = iter(torch.split(lengths, path_length.AT_ONCE))
    found = path_length.path_length(model, 200, lambda *_: next(parts), seed=0, ema=True)
    assert found == pytest.approx(1 / STEP**2)


def test_models_of_ours_have_one_and_its_seed_repeats_it() -> None:
    for model in (tiny_gan(), tiny_cgan()):
        first, again = (path_length.path_length(model, 20, squared, seed=3, ema=False) for _ in range(2))
        assert first == again
        assert math.isfinite(first)
        assert first > 0


def test_the_distance_is_a_classifiers_where_there_is_one(extractor: DatasetClassifier) -> None:
    name, distance = distance_for(extractor, 28)
    assert name == "path_length"
    black, white = (torch.full((2, 1, 28, 28), value) for value in (-1.0, 1.0))
    expected = (
        (
            extractor(torch.zeros(1, 1, 28, 28, dtype=torch.uint8))
            - extractor(torch.full((1, 1, 28, 28), 255, dtype=torch.uint8))
        )
        .double()
        .square()
        .sum()
    )
    assert distance(black, white)[0] == pytest.approx(float(expected), rel=1e-5)
    assert distance(black, black).tolist() == [0, 0]


def test_the_distance_is_lpips_where_its_weights_are(monkeypatch: pytest.MonkeyPatch) -> None:
    of_pixels = Custom(module=nn.AvgPool2d(2), size=SIZE, channels=1, antialias=True)
    with pytest.raises(UserError, match="LPIPS needs images of 32 pixels a side; these have 28"):
        distance_for(of_pixels, 28)
    network = SimpleNamespace(of_floats=squared)
    monkeypatch.setattr(path_length, "Perceptual", lambda: SimpleNamespace(to=lambda _: network))
    assert distance_for(of_pixels, 32) == ("ppl", squared)

    def missing() -> None:
        raise UserError("LPIPS needs a file")

    monkeypatch.setattr(path_length, "Perceptual", missing)
    with pytest.raises(UserError, match="the group path_length: LPIPS needs a file; or take the classifier extractor"):
        distance_for(of_pixels, 32)
