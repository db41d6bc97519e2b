"""Two games tied together: which image meets which network, what must come back, and exact resume."""

from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from gan_lab.callbacks.sample_grid import SampleGrid
from gan_lab.data.unpaired import UnpairedDataModule
from gan_lab.losses import LeastSquares
from gan_lab.models.cyclegan import CycleGAN, swapped
from gan_lab.networks import translation
from gan_lab.schedules import Constant, LinearDecay
from gan_lab.utils.batches import LabelledImages, TwoDomains
from gan_lab.utils.images import to_float
from tests.conftest import SIZE, read_image, same, sgd, weights

BOTH = ("generator", "discriminator")


class TinyDomains(UnpairedDataModule):
    """Random images: domain a is dark, domain b is bright."""

    def __init__(self, count: int = 32, batch_size: int = 4) -> None:
        super().__init__(image_size=SIZE, channels=1, batch_size=batch_size, seed=0)
        self.count = count

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        generator = torch.Generator().manual_seed(len(split))
        dark = torch.randint(0, 100, (self.count, 1, SIZE, SIZE), dtype=torch.uint8, generator=generator)
        bright = torch.randint(150, 256, (self.count, 1, SIZE, SIZE), dtype=torch.uint8, generator=generator)
        labels = torch.zeros(self.count, dtype=torch.long)
        return LabelledImages(dark, labels), LabelledImages(bright, labels)

    def describe(self) -> dict[str, object]:
        return {"name": "tiny domains", "substitute": False}


def tiny_cyclegan(init_seed: int = 0, **options: Any) -> CycleGAN:
    torch.manual_seed(init_seed)
    defaults: dict[str, Any] = {
        "network": {
            "generator": translation.Translators(width=2, blocks=1, image_size=SIZE, channels=1),
            "discriminator": translation.PatchGANs(width=2, layers=1, norm="instance", image_size=SIZE, channels=1),
        },
        "objective": LeastSquares(),
        "penalty": {},
        "clip_grad_norm": {},
        "optimizer": dict.fromkeys(BOTH, sgd(0.05)),
        "schedule": dict.fromkeys(BOTH, Constant()),
        "ema_half_life": 16,
        "n_critic": 1,
        "seed": 0,
        "adversarial_weight": 2.0,
        "cycle_weight": 10.0,
        "identity_weight": 5.0,
        "pool_size": 6,
        "image_size": SIZE,
        "channels": 1,
    }
    return CycleGAN(**defaults | options)


def fit(model: CycleGAN, data: Any = None, ckpt_path: Path | None = None, **options: Any) -> lightning.Trainer:
    quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(**{"accelerator": "cpu", "logger": False, "log_every_n_steps": 1000, **quiet} | options)
    trainer.fit(model, data or TinyDomains(), ckpt_path=ckpt_path, weights_only=True)
    return trainer


class Plus(nn.Module):
    """Adds a constant."""

    def __init__(self, added: float) -> None:
        super().__init__()
        self.added = nn.Parameter(torch.tensor(added))

    def forward(self, images: Tensor) -> Tensor:
        return images + self.added


class PlusBoth(nn.Module):
    """Adds a constant to A on its way to B, and another to B on its way to A."""

    def __init__(self, a2b: float, b2a: float) -> None:
        super().__init__()
        self.a2b, self.b2a = Plus(a2b), Plus(b2a)

    def forward(self, images: Tensor) -> Tensor:
        a, b = images.chunk(2)
        return torch.cat((self.b2a(b), self.a2b(a)))


def test_terms_by_hand() -> None:
    """With a -> a + 3 and b -> b - 1 every cycle ends 2 too high, and identities are 3 and 1 off."""
    model = tiny_cyclegan(network={"generator": PlusBoth(3.0, -1.0), "discriminator": nn.Flatten()})
    a, b = torch.zeros(2, 1, SIZE, SIZE), torch.full((2, 1, SIZE, SIZE), 5.0)
    real, condition = model.unpack_batch(TwoDomains(a, b))
    fake = model.generate(real, condition)
    from_b, from_a = fake.chunk(2)
    assert (from_a == 3).all(), "images of B, made from A"
    assert (from_b == 4).all(), "images of A, made from B, in A's places"
    terms = model.generator_terms(real, fake, condition)
    # The paper's sums over both domains are twice these means, all three alike: 13, 40 and 20.
    assert terms["adversarial"].item() == pytest.approx(((4 - 1) ** 2 + (3 - 1) ** 2) / 2)
    assert terms["cycle"].item() == pytest.approx(10 * 2)
    assert terms["identity"].item() == pytest.approx(5 * (3 + 1) / 2)


@pytest.mark.parametrize(("weight", "term"), [("cycle_weight", "cycle"), ("identity_weight", "identity")])
def test_a_term_without_weight_is_left_out(weight: str, term: str) -> None:
    model = tiny_cyclegan(**{weight: 0.0})
    real, _ = model.unpack_batch(TwoDomains(*torch.zeros(2, 2, 1, SIZE, SIZE)))
    assert term not in model.generator_terms(real, model.generate(real, ()), ())


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        ({"a": 1.0, "b": 1.0}, (2.0, 2.0)),
        ({"a": 3.0, "b": 1.0}, (4.0, 3.0)),  # cycles are 2 off in both, identities 1 in A and 3 in B
        ({"a": 0.0, "b": 2.0}, (2.0, 3.0)),
    ],
)
def test_each_direction_has_a_weight_where_two_are_given(
    weight: dict[str, float], expected: tuple[float, float]
) -> None:
    network = {"generator": PlusBoth(3.0, -1.0), "discriminator": nn.Flatten()}
    model = tiny_cyclegan(network=network, cycle_weight=weight, identity_weight=weight)
    real, _ = model.unpack_batch(TwoDomains(*torch.zeros(2, 2, 1, SIZE, SIZE)))
    terms = model.generator_terms(real, model.generate(real, ()), ())
    assert (terms["cycle"].item(), terms["identity"].item()) == pytest.approx(expected)


def test_no_term_is_computed_where_both_directions_weigh_nothing() -> None:
    model = tiny_cyclegan(cycle_weight={"a": 0.0, "b": 0.0})
    real, _ = model.unpack_batch(TwoDomains(*torch.zeros(2, 2, 1, SIZE, SIZE)))
    assert "cycle" not in model.generator_terms(real, model.generate(real, ()), ())


def test_each_discriminator_sees_its_own_domain() -> None:
    discriminators = tiny_cyclegan().discriminator
    seen: dict[str, Tensor] = {}
    for name in "ab":
        getattr(discriminators, name).register_forward_pre_hook(
            lambda _, inputs, name=name: seen.update({name: inputs[0]})
        )
    a, b = torch.zeros(3, 1, SIZE, SIZE), torch.ones(3, 1, SIZE, SIZE)
    logits = discriminators(torch.cat((a, b)))
    assert torch.equal(seen["a"], a)
    assert torch.equal(seen["b"], b)
    assert logits.shape[:2] == (6, 1)
    torch.testing.assert_close(logits[3:], discriminators.b(b))


def test_the_discriminators_see_earlier_translations_each_of_its_own_domain() -> None:
    model = tiny_cyclegan(pool_size=4)
    fit(model, max_steps=3)
    assert model.pool_a.filled == model.pool_b.filled == 4
    assert not torch.equal(model.pool_a.images, model.pool_b.images)
    torch.manual_seed(0)
    real, fresh = torch.zeros(8, 1, SIZE, SIZE), torch.full((8, 1, SIZE, SIZE), 9.0)
    kept = {"a": model.pool_a.images.clone(), "b": model.pool_b.images.clone()}
    shown, fake = model.shown_to_discriminator(real, fresh)
    assert torch.equal(shown, real)
    for name, half in zip("ab", fake.chunk(2), strict=True):
        older = [image for image in half if not (image == 9).all()]
        assert older
        assert all(any(torch.equal(image, one) for one in kept[name]) for image in older)


def test_both_pairs_learn_and_every_image_counts() -> None:
    model = tiny_cyclegan()
    before = weights(model)
    trainer = fit(model, max_steps=3, log_every_n_steps=1)
    for part in ("generator.a2b", "generator.b2a", "discriminator.a", "discriminator.b"):
        assert any(not torch.equal(weights(model)[name], before[name]) for name in before if name.startswith(part))
    assert model.images_seen == 3 * 2 * 4
    logged = trainer.callback_metrics
    parts = [logged[f"loss/generator/{term}"].item() for term in ("adversarial", "cycle", "identity")]
    assert logged["loss/generator"].item() == pytest.approx(sum(parts))


def test_swapping_puts_b_before_a() -> None:
    assert swapped(torch.arange(6)).tolist() == [3, 4, 5, 0, 1, 2]


@pytest.mark.bits
@pytest.mark.parametrize("stop", [1, 4, 8, 11])
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(stop: int, tmp_path: Path) -> None:
    """Image pools, moving average and schedules included; epochs of 8 batches."""
    options = {"schedule": dict.fromkeys(BOTH, LinearDecay(start=0.5))}

    class Stop(Callback):
        def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
            trainer.should_stop = trainer.global_step >= stop

    whole = tiny_cyclegan(**options)
    fit(whole, max_steps=14)
    fit(tiny_cyclegan(**options), max_steps=14, callbacks=[Stop()]).save_checkpoint(tmp_path / "stop.ckpt")
    resumed = tiny_cyclegan(init_seed=5, **options)
    fit(resumed, max_steps=14, ckpt_path=tmp_path / "stop.ckpt")
    ours, theirs = weights_without_counts(resumed), weights_without_counts(whole)
    assert same(ours, theirs)
    assert resumed.pool_a.filled == whole.pool_a.filled


def weights_without_counts(model: CycleGAN) -> dict[str, Tensor]:
    return {name: value for name, value in model.state_dict().items() if not name.endswith("_extra_state")}


def test_a_grid_shows_input_translation_and_return_side_by_side(tmp_path: Path) -> None:
    patches = translation.PatchGANs(width=2, layers=1, norm="instance", image_size=SIZE, channels=1)
    model = tiny_cyclegan(network={"generator": PlusBoth(0.5, -0.5), "discriminator": patches}, ema_half_life=None)
    options = {"rows": 3, "columns": 9, "every_n_images": 1000, "weights": "ema", "seed": 0}
    trainer = fit(model, max_steps=1, callbacks=[SampleGrid(folder=str(tmp_path), **options)])
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["000000000.png", "000000008.png"]
    assert read_image(tmp_path / "000000000.png").shape == (3, 3 * 10 + 2, 6 * 10 + 2)
    images, columns = model.sample_grid(3, 9, seed=0)
    a, from_a, back_a, b, from_b, back_b = images.view(3, columns, *images.shape[1:]).unbind(1)
    held_out_a, held_out_b = (to_float(images) for images, _ in trainer.datamodule.load("test"))
    assert torch.equal(a, held_out_a[:3])
    assert torch.equal(b, held_out_b[:3])
    torch.testing.assert_close(from_a - a, torch.full_like(a, model.generator.a2b.added.item()))
    torch.testing.assert_close(from_b - b, torch.full_like(b, model.generator.b2a.added.item()))
    torch.testing.assert_close(back_a, from_a + model.generator.b2a.added)
    torch.testing.assert_close(back_b, from_b + model.generator.a2b.added)


def test_translation_goes_the_way_that_is_asked() -> None:
    network = {"generator": PlusBoth(0.5, -0.25), "discriminator": nn.Flatten()}
    model = tiny_cyclegan(network=network, ema_half_life=None)
    images = torch.randn(3, 1, SIZE, SIZE)
    torch.testing.assert_close(model.translate(images, "a2b"), images + 0.5)
    torch.testing.assert_close(model.translate(images, "b2a"), images - 0.25)


def test_one_direction_runs_one_network() -> None:
    model = tiny_cyclegan()
    for direction in ("a2b", "b2a"):
        getattr(model.generator_ema.network, direction).register_forward_hook(
            lambda *_, direction=direction: ran.append(direction)
        )
    ran: list[str] = []
    images = torch.randn(3, 1, SIZE, SIZE)
    both = model.generator_ema(torch.cat((images, images)))
    ran.clear()
    torch.testing.assert_close(model.translate(images, "b2a"), both[:3])
    assert ran == ["b2a"]


def test_labelled_images_are_refused() -> None:
    with pytest.raises(ValueError, match="choose data=mnist_colors or data=unpaired_folders"):
        tiny_cyclegan().unpack_batch(LabelledImages(torch.zeros(2, 1, SIZE, SIZE), torch.zeros(2, dtype=torch.long)))
