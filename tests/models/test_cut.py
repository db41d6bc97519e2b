"""Contrastive translation: the contrast by hand, what the players see, and exact resume."""

from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from gan_lab.losses import LeastSquares
from gan_lab.models.cut import CUT, flipped, patch_loss
from gan_lab.networks.contrastive import ContrastiveGenerator
from gan_lab.networks.patchgan import PatchGAN
from gan_lab.networks.translation import Translator
from gan_lab.penalties import R1
from gan_lab.schedules import Constant
from gan_lab.utils.batches import LabelledImages, TwoDomains
from gan_lab.utils.images import to_float
from tests.conftest import SIZE, same, sgd, weights
from tests.models.test_cyclegan import TinyDomains, fit

BOTH = ("generator", "discriminator")


def tiny_cut(init_seed: int = 0, **options: Any) -> CUT:
    torch.manual_seed(init_seed)
    sizes: dict[str, Any] = {"image_size": SIZE, "channels": 1}
    defaults: dict[str, Any] = {
        "network": {
            "generator": ContrastiveGenerator(width=2, blocks=1, features=4, **sizes),
            "discriminator": PatchGAN(width=2, layers=1, norm="instance", **sizes),
        },
        "objective": LeastSquares(),
        "penalty": {},
        "clip_grad_norm": {},
        "optimizer": dict.fromkeys(BOTH, sgd(0.05)),
        "schedule": dict.fromkeys(BOTH, Constant()),
        "ema_half_life": 16,
        "n_critic": 1,
        "seed": 0,
        "contrast_weight": 1.0,
        "identity_weight": 1.0,
        "patches": 8,
        "temperature": 0.07,
    }
    return CUT(**defaults | options)


def test_the_contrast_by_hand() -> None:
    """Two patches with similarities 1 and 0 to their own and the other key, at temperature 1: log(1 + e^-1)."""
    vectors = torch.eye(2)[None]
    assert patch_loss(vectors, vectors, 1.0).item() == pytest.approx(0.3132617, abs=1e-6)
    assert patch_loss(vectors, vectors.flip(1), 1.0).item() == pytest.approx(1.3132617, abs=1e-6)
    assert patch_loss(vectors, vectors, 0.5).item() == pytest.approx(0.126928, abs=1e-6)  # log(1 + e^-2)


def test_patches_of_other_images_do_not_count() -> None:
    queries, keys = torch.randn(2, 3, 5, 4)
    whole = patch_loss(queries, keys, 0.07)
    each = torch.stack([patch_loss(queries[i : i + 1], keys[i : i + 1], 0.07) for i in range(len(queries))])
    torch.testing.assert_close(whole, each.mean())


def test_the_terms() -> None:
    model = tiny_cut(contrast_weight=2.0, identity_weight=3.0, patches=1000)
    a, b = torch.randn(2, 3, 1, SIZE, SIZE)
    real, condition = model.unpack_batch(TwoDomains(a, b))
    assert real is b
    fake = model.generate(real, condition)
    torch.testing.assert_close(fake, model.generator.translator(a))
    terms = model.generator_terms(real, fake, condition)
    encode = model.generator.encode
    torch.testing.assert_close(terms["contrast"], 2 * model.contrast(fake, encode(a)))
    torch.testing.assert_close(terms["identity"], 3 * model.contrast(model.generator(b), encode(b)))
    torch.testing.assert_close(terms["adversarial"], (model.discriminator(fake) - 1).square().mean() / 2)


def test_one_pass_over_the_sources_finds_the_maps_of_two_and_no_gradient_in_them() -> None:
    model, a = tiny_cut(), torch.randn(2, 1, SIZE, SIZE)
    fake, maps, mirrored = model.translated(a)
    assert mirrored is None
    assert not any(at.requires_grad for at in maps)
    torch.testing.assert_close(fake, model.generator.translator(a))
    for once, again in zip(maps, model.generator.encode(a), strict=True):
        torch.testing.assert_close(once, again)


def test_mirrored_images_are_translated_mirrored_and_held_against_the_maps_of_the_images_as_they_are() -> None:
    model, a = tiny_cut(flip_equivariance=True, patches=1000), torch.randn(16, 1, SIZE, SIZE)
    fake, maps, mirrored = model.translated(a)
    assert 0 < mirrored.sum() < len(a)
    encode = model.generator.encode
    for at, expected in zip(maps, encode(a), strict=True):
        torch.testing.assert_close(at, expected)
    losses = []
    for i, image in enumerate(a):
        one = image[None].flip(3) if mirrored[i] else image[None]
        translated = model.generator(one)
        torch.testing.assert_close(fake[i : i + 1], translated)
        queries = [at.flip(3) if mirrored[i] else at for at in encode(translated)]
        pairs = model.generator.patches(encode(image[None]), queries, 1000)
        losses.append(torch.stack([patch_loss(*pair, model.temperature) for pair in pairs]).mean())
    torch.testing.assert_close(model.contrast(fake, maps, mirrored), torch.stack(losses).mean())


def test_maps_are_mirrored_from_left_to_right_where_they_should_be() -> None:
    maps = torch.tensor([[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]])
    which = torch.tensor([True, False])[:, None, None, None]
    assert flipped(maps, which).tolist() == [[[[2, 1], [4, 3]]], [[[5, 6], [7, 8]]]]


@pytest.mark.parametrize(("weight", "term"), [("contrast_weight", "contrast"), ("identity_weight", "identity")])
def test_a_term_without_weight_is_left_out(weight: str, term: str) -> None:
    model = tiny_cut(**{weight: 0.0})
    real, condition = model.unpack_batch(TwoDomains(*torch.randn(2, 2, 1, SIZE, SIZE)))
    assert term not in model.generator_terms(real, model.generate(real, condition), condition)


def test_both_players_and_the_heads_learn() -> None:
    model = tiny_cut()
    before = weights(model)
    fit(model, max_steps=3)
    assert model.images_seen == 3 * 4
    for part in ("generator.translator", "generator.heads", "discriminator"):
        assert any(not torch.equal(weights(model)[name], before[name]) for name in before if name.startswith(part))


def test_penalties_are_of_images_alone() -> None:
    logged = fit(tiny_cut(penalty={"r1": R1(gamma=1.0)}), max_steps=1, log_every_n_steps=1).callback_metrics
    assert logged["loss/discriminator/r1"] > 0


@pytest.mark.bits
@pytest.mark.parametrize(("stop", "flip_equivariance"), [(1, False), (8, False), (11, False), (3, True)])
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(
    stop: int, flip_equivariance: bool, tmp_path: Path
) -> None:
    """The random places of patches included, and which images are mirrored; epochs of 8 batches."""

    class Stop(Callback):
        def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
            trainer.should_stop = trainer.global_step >= stop

    options = {"flip_equivariance": flip_equivariance}
    whole = tiny_cut(**options)
    fit(whole, max_steps=14)
    fit(tiny_cut(**options), max_steps=14, callbacks=[Stop()]).save_checkpoint(tmp_path / "stop.ckpt")
    resumed = tiny_cut(init_seed=5, **options)
    fit(resumed, max_steps=14, ckpt_path=tmp_path / "stop.ckpt")
    assert same(weights(resumed), weights(whole))


def test_a_grid_shows_source_translation_and_an_image_of_the_other_domain() -> None:
    model, data = tiny_cut(), TinyDomains()
    fit(model, data, max_steps=1)
    grid, columns = model.sample_grid(3, 9, seed=0)
    source, translated, other = grid.view(3, columns, *grid.shape[1:]).unbind(1)
    a, b = (to_float(images[:3]) for images, _ in data.load("test"))
    assert torch.equal(source, a)
    assert torch.equal(other, b)
    torch.testing.assert_close(translated, model.generator_ema(a))


def test_other_data_and_generators_without_patches_are_refused() -> None:
    with pytest.raises(ValueError, match="choose data=mnist_colors"):
        tiny_cut().unpack_batch(LabelledImages(torch.zeros(2, 1, SIZE, SIZE), torch.zeros(2, dtype=torch.long)))
    network = {"generator": Translator(channels=1, width=2, blocks=1), "discriminator": nn.Flatten()}
    with pytest.raises(ValueError, match="choose model/network=contrastive_patchgan"):
        tiny_cut(network=network)
