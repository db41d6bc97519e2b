import pytest
import torch

from gan_lab.metrics import generated_images
from gan_lab.metrics.generated_images import generate_images, weights_of
from gan_lab.models.cgan import CGAN
from gan_lab.utils import images, memory, seeding
from tests.conftest import SIZE, alike, tiny_cgan, tiny_gan


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated_images, "GENERATED_AT_ONCE", 4)


def test_images_are_those_of_the_seeded_latents_rounded() -> None:
    model = tiny_gan()
    state = torch.get_rng_state()
    batches = [pixels for pixels, classes in generate_images(model, 10, seed=3, ema=True) if classes is None]
    assert torch.equal(torch.get_rng_state(), state), "drawing does not change training"
    assert [len(batch) for batch in batches] == [4, 4, 2]
    latents = model.seeded_latents(10, seeding.derive(3, "quality"))
    assert alike(torch.cat(batches), images.to_uint8(model.sample(latents)))
    assert batches[0].shape == (4, 1, SIZE, SIZE)
    assert model.generator.training


def test_large_images_are_generated_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated_images, "GENERATED_AT_ONCE", 500)
    monkeypatch.setattr(memory, "AT_ONCE", 20 * SIZE**2)
    assert [len(batch) for batch, _ in generate_images(tiny_cgan(), 40, seed=3, ema=True)] == [16, 16, 8]


def test_a_conditional_model_generates_every_class_equally_often() -> None:
    model = tiny_cgan()
    assert isinstance(model, CGAN)
    classes = torch.cat([classes for _, classes in generate_images(model, 20, seed=0, ema=True) if classes is not None])
    assert classes.bincount().tolist() == [2] * 10


def test_processes_share_the_images_that_one_would_draw_and_fewer_are_the_first() -> None:
    model = tiny_cgan()
    whole = [torch.cat(parts) for parts in zip(*generate_images(model, 11, seed=0, ema=True), strict=True)]
    for rank in range(2):
        share = generate_images(model, 11, seed=0, ema=True, rank=rank, world_size=2)
        pictures, classes = (torch.cat(parts) for parts in zip(*share, strict=True))
        assert alike(pictures, whole[0][rank::2])
        assert torch.equal(classes, whole[1][rank::2])
    fewer = [torch.cat(parts) for parts in zip(*generate_images(model, 5, seed=0, ema=True), strict=True)]
    assert alike(fewer[0], whole[0][:5])
    assert torch.equal(fewer[1], whole[1][:5])


def test_without_an_average_the_weights_are_raw_whatever_is_wanted() -> None:
    plain, averaged = tiny_gan(), tiny_gan(ema_half_life=1000)
    assert weights_of(plain, ema=True) == weights_of(averaged, ema=False) == "raw"
    assert weights_of(averaged, ema=True) == "ema"
