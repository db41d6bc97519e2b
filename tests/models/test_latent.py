import pytest
import torch

from gan_lab.utils import seeding
from tests.conftest import LATENT_DIM, SIZE, tiny_gan


def test_seeded_latents_are_those_of_the_seed_and_draw_on_no_default_generator() -> None:
    model = tiny_gan()
    before = torch.get_rng_state()
    latents = model.sample_latents(5, 3)
    assert torch.equal(latents, seeding.normal((5, LATENT_DIM), 3))
    assert not torch.equal(latents, model.sample_latents(5, 4))
    assert torch.equal(torch.get_rng_state(), before)


def test_latents_without_a_seed_are_the_default_generators() -> None:
    model = tiny_gan()
    torch.manual_seed(3)
    first, second = model.sample_latents(5), model.sample_latents(5)
    torch.manual_seed(3)
    assert torch.equal(first, torch.randn(5, LATENT_DIM))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("seed", [None, 3])
def test_latents_have_the_models_precision_and_device(seed: int | None) -> None:
    assert tiny_gan().double().sample_latents(2, seed).dtype == torch.float64
    with torch.device("meta"):
        model = tiny_gan()
        assert model.sample_latents(2, seed).is_meta
        assert model.generate(torch.zeros(2, 1, SIZE, SIZE), ()).shape == (2, 1, SIZE, SIZE)


def test_a_grid_shows_the_latents_of_its_seed() -> None:
    model = tiny_gan()
    images, columns = model.sample_grid(2, 3, seed=5)
    assert columns == 3
    assert torch.equal(images, model.sample(model.sample_latents(6, 5)))


def test_a_label_is_refused_with_the_way_out() -> None:
    assert tiny_gan().make_condition(3) == ()
    with pytest.raises(ValueError, match="VanillaGAN knows no classes; model=cgan does"):
        tiny_gan().make_condition(3, 1)
