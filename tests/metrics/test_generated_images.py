import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_lab.metrics import generated_images
from gan_lab.metrics.generated_images import classes_like, generate_images, weights_of
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


def test_classes_of_one_size_take_turns_whatever_the_count() -> None:
    labels = torch.arange(10).repeat(45)[seeding.permutation(450, 0)]
    assert torch.equal(classes_like(labels, 1234), torch.arange(1234) % 10)
    assert classes_like(torch.zeros(7, dtype=torch.long), 9).tolist() == [0] * 9


def test_classes_have_the_frequencies_of_the_data_in_every_part() -> None:
    # By hand: class 0 at (j + 1/2) 8 / 5 = 0.8, 2.4, 4, 5.6, 7.2; class 2 at 2 and 6; class 3 at 4, after class 0.
    labels = torch.tensor([3, 0, 0, 2, 0, 2, 0, 0])
    turns = [0, 2, 0, 0, 3, 0, 2, 0]
    assert classes_like(labels, 8).tolist() == turns
    assert classes_like(labels, 19).tolist() == (turns * 3)[:19]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12).filter(any), st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_each_class_is_as_near_to_its_share_as_the_others_allow(sizes: list[int], count: int) -> None:
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    classes = classes_like(labels, count)
    assert torch.equal(classes, classes_like(labels.flip(0), count + 7)[:count]), "an index decides"
    found = classes.bincount(minlength=len(sizes)).double()
    expected = torch.tensor(sizes).double() * count / sum(sizes)
    assert (found - expected).abs().max() <= 1 + len(sizes) / 2
    if count % sum(sizes) == 0:
        assert torch.equal(found, expected)


def test_a_conditional_model_is_asked_for_the_classes_of_the_data() -> None:
    model, labels = tiny_cgan(), torch.tensor([1] * 15 + [4] * 5)
    generated = [*generate_images(model, 20, seed=0, ema=True, like=labels)]
    classes = torch.cat([classes for _, classes in generated if classes is not None])
    assert classes.bincount().tolist() == [0, 15, 0, 0, 5]
    latents = model.seeded_latents(20, seeding.derive(0, "quality"))
    assert alike(torch.cat([pixels for pixels, _ in generated]), images.to_uint8(model.sample(latents, classes)))
    assert all(classes is None for _, classes in generate_images(tiny_gan(), 9, seed=0, ema=True, like=labels))


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
