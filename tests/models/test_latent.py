import pytest
import torch
from scipy import stats

from gan_lab.models.latent import LatentGAN
from gan_lab.models.vanilla import VanillaGAN
from tests.conftest import LATENT_DIM, SIZE, tiny_cgan, tiny_gan
from tests.utils.test_chunks import crowded


class Uniform(VanillaGAN):
    """Another prior, whose draws are odd in number."""

    def sample_latents(self, count: int, generator: torch.Generator | None = None) -> torch.Tensor:
        return torch.rand(count, 3, generator=generator)


@pytest.mark.parametrize("model", [tiny_gan(), tiny_gan(latent_dim=3), tiny_gan(Uniform)])
def test_the_seed_and_the_index_decide_a_latent_whatever_the_count(model: LatentGAN) -> None:
    before = torch.get_rng_state()
    many = model.seeded_latents(70, 3)
    for count in (1, 2, 5, 15, 16, 17, 33, 64):
        assert torch.equal(model.seeded_latents(count, 3), many[:count])
        assert torch.equal(model.seeded_latents(70 - count, 3, first=count), many[count:])
    assert len(many.unique(dim=0)) == 70
    assert not torch.equal(many, model.seeded_latents(70, 4))
    assert torch.equal(torch.get_rng_state(), before)


def test_seeded_latents_are_standard_normal() -> None:
    latents = tiny_gan(latent_dim=100).seeded_latents(10_000, 0)
    assert latents.mean().item() == pytest.approx(0, abs=0.005)
    assert latents.std().item() == pytest.approx(1, abs=0.005)
    assert torch.corrcoef(latents[:1000]).fill_diagonal_(0).abs().max() < 0.6  # five standard deviations and more


def test_latents_without_a_seed_are_the_default_generators() -> None:
    model = tiny_gan()
    torch.manual_seed(3)
    first, second = model.sample_latents(5), model.sample_latents(5)
    torch.manual_seed(3)
    assert torch.equal(first, torch.randn(5, LATENT_DIM))
    assert not torch.equal(first, second)


def test_latents_have_the_models_precision_and_device() -> None:
    assert tiny_gan().double().sample_latents(2).dtype == torch.float64
    assert tiny_gan().double().seeded_latents(2, 3).dtype == torch.float64
    with torch.device("meta"):
        model = tiny_gan()
        assert model.sample_latents(2).is_meta
        assert model.seeded_latents(2, 3).is_meta
        assert model.generate(torch.zeros(2, 1, SIZE, SIZE), ()).shape == (2, 1, SIZE, SIZE)


def test_a_grid_shows_the_latents_of_its_seed() -> None:
    model = tiny_gan()
    images, columns = model.sample_grid(2, 3, seed=5)
    assert columns == 3
    assert torch.equal(images, model.sample(model.seeded_latents(6, 5)))


def test_a_label_is_refused_with_the_way_out() -> None:
    assert tiny_gan().make_condition(3) == ()
    with pytest.raises(ValueError, match="VanillaGAN knows no classes; model=cgan does"):
        tiny_gan().make_condition(3, 1)


def test_a_truncated_latent_keeps_its_place_in_the_distribution() -> None:
    """Of a normal distribution that is cut off at 1, by scipy's quantiles; ranks are those of the whole one."""
    latents = torch.tensor([[0.0, 0.5, -0.5, 3.0]], dtype=torch.float64)
    expected = stats.truncnorm(-1, 1).ppf(stats.norm.cdf(latents.numpy()))
    cut = tiny_gan().double().truncate(latents, 1.0)
    torch.testing.assert_close(cut, torch.from_numpy(expected))
    assert torch.equal(tiny_gan().truncate(latents, 0.0).abs(), torch.zeros(1, 4).double())


def test_truncation_cuts_off_both_sides_and_leaves_the_order() -> None:
    model = tiny_gan(latent_dim=100)
    latents = model.seeded_latents(1000, 0)
    cut = model.truncate(latents, 0.5)
    assert cut.dtype == latents.dtype
    assert 0.499 < cut.abs().max() <= 0.5
    assert cut.std().item() == pytest.approx(stats.truncnorm(-0.5, 0.5).std(), abs=0.002)
    assert torch.equal(cut.sign(), latents.sign())
    codes = torch.cat((latents, torch.full((1000, 2), 9.0)), 1)
    assert (model.truncate(codes, 0.5)[:, 100:] == 9).all()
    torch.testing.assert_close(model.truncate(latents, 40.0), latents)
    with pytest.raises(ValueError, match="must be 0 or more"):
        model.truncate(latents, -0.1)


def test_samples_of_truncated_latents() -> None:
    model = tiny_gan()
    latents = model.seeded_latents(5, 0)
    torch.testing.assert_close(model.sample(latents, truncation=0.3), model.sample(model.truncate(latents, 0.3)))


@pytest.mark.parametrize("ema", [True, False])
def test_a_conditional_grid_is_drawn_in_parts_where_memory_runs_out(ema: bool) -> None:
    model = tiny_cgan(ema_half_life=8)
    whole, columns = model.sample_grid(10, 4, seed=0, ema=ema)
    asked = crowded(model.sampling_network(ema), 13)
    parts, _ = model.sample_grid(10, 4, seed=0, ema=ema)
    assert (len(whole), columns) == (40, 4)
    assert asked == [40, 20, *[10] * 4]
    torch.testing.assert_close(parts, whole)


def test_a_discriminator_looks_at_fewer_images_where_memory_runs_out() -> None:
    model = tiny_cgan()
    images, labels = torch.randn(40, 1, SIZE, SIZE), torch.arange(40) % 10
    whole = model.eval_logits(images, (labels,))
    asked = crowded(model.discriminator, 20)
    torch.testing.assert_close(model.eval_logits(images, (labels,)), whole)
    assert asked == [40, 20, 20]
