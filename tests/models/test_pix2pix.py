"""Translation from pairs: which image meets which network, the terms by hand, and exact resume."""

from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from gan_lab.augment.diffaugment import DiffAugment
from gan_lab.data.paired import PairedDataModule
from gan_lab.losses import NonSaturating, RelativisticPairing
from gan_lab.models.pix2pix import Pix2Pix
from gan_lab.networks.unet import ConditionalPatchGAN, UNet
from gan_lab.penalties import R1, R2
from gan_lab.schedules import Constant, LinearDecay
from gan_lab.stabilisers import BalancedConsistency, LeCam
from gan_lab.utils.batches import LabelledImages, Pairs
from gan_lab.utils.images import to_float
from tests.conftest import SIZE, same, sgd, weights

BOTH = ("generator", "discriminator")


class TinyPairs(PairedDataModule):
    """Random grey images, and each again in three channels, inverted."""

    def __init__(self, count: int = 32, batch_size: int = 4) -> None:
        super().__init__(image_size=SIZE, channels=3, batch_size=batch_size, seed=0)
        self.source_channels = 1
        self.count = count

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        generator = torch.Generator().manual_seed(len(split))
        source = torch.randint(0, 256, (self.count, 1, SIZE, SIZE), dtype=torch.uint8, generator=generator)
        labels = torch.zeros(self.count, dtype=torch.long)
        return LabelledImages(source, labels), LabelledImages(255 - source.repeat(1, 3, 1, 1), labels)

    def describe(self) -> dict[str, object]:
        return {"name": "tiny pairs", "substitute": False}


def tiny_pix2pix(init_seed: int = 0, **options: Any) -> Pix2Pix:
    torch.manual_seed(init_seed)
    sizes: dict[str, Any] = {"image_size": SIZE, "source_channels": 1, "channels": 3}
    defaults: dict[str, Any] = {
        "network": {
            "generator": UNet(width=2, norm="instance", dropout=0.5, **sizes),
            "discriminator": ConditionalPatchGAN(width=2, layers=1, norm="instance", **sizes),
        },
        "objective": NonSaturating(label_smoothing=0.0),
        "penalty": {},
        "clip_grad_norm": {},
        "optimizer": dict.fromkeys(BOTH, sgd(0.05)),
        "schedule": dict.fromkeys(BOTH, Constant()),
        "ema_half_life": 16,
        "n_critic": 1,
        "seed": 0,
        "adversarial_weight": 1.0,
        "l1_weight": 100.0,
    }
    return Pix2Pix(**defaults | options)


def fit(model: Any, data: Any = None, ckpt_path: Path | None = None, **options: Any) -> lightning.Trainer:
    quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(**{"accelerator": "cpu", "logger": False, "log_every_n_steps": 1000, **quiet} | options)
    trainer.fit(model, data or TinyPairs(), ckpt_path=ckpt_path, weights_only=True)
    return trainer


class Three(nn.Module):
    """Repeats a source, with a constant added."""

    def __init__(self, added: float) -> None:
        super().__init__()
        self.added = nn.Parameter(torch.tensor(added))

    def forward(self, source: Tensor) -> Tensor:
        return source.repeat(1, 3, 1, 1) + self.added


class Difference(nn.Module):
    """The logit is the mean of the image less that of its source."""

    def forward(self, images: Tensor, source: Tensor) -> Tensor:
        return images.mean((1, 2, 3)) - source.mean((1, 2, 3))


def test_terms_by_hand() -> None:
    model = tiny_pix2pix(network={"generator": Three(0.25), "discriminator": Difference()})
    source, target = torch.full((2, 1, SIZE, SIZE), 0.5), torch.full((2, 3, SIZE, SIZE), 1.0)
    real, condition = model.unpack_batch(Pairs(source, target))
    assert real is target
    fake = model.generate(real, condition)
    assert (fake == 0.75).all()
    terms = model.generator_terms(real, fake, condition)
    assert terms["l1"].item() == pytest.approx(100 * 0.25)
    assert terms["adversarial"].item() == pytest.approx(0.575939, abs=1e-6)  # softplus(-0.25)
    loss = model.discriminator_terms(real, fake, condition)["adversarial"].item()
    assert loss == pytest.approx(0.474077 + 0.825939, abs=1e-6)  # softplus(-0.5) + softplus(0.25)


@pytest.mark.parametrize(("weight", "term"), [("adversarial_weight", "adversarial"), ("l1_weight", "l1")])
def test_a_term_without_weight_is_left_out(weight: str, term: str) -> None:
    model = tiny_pix2pix(**{weight: 0.0})
    real, condition = model.unpack_batch(Pairs(torch.zeros(2, 1, SIZE, SIZE), torch.zeros(2, 3, SIZE, SIZE)))
    assert term not in model.generator_terms(real, model.generate(real, condition), condition)


def test_a_generator_without_terms_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to learn from"):
        tiny_pix2pix(l1_weight=0.0, adversarial_weight=0.0)


def test_both_players_learn_and_every_pair_counts_once() -> None:
    model = tiny_pix2pix()
    before = weights(model)
    logged = fit(model, max_steps=3, log_every_n_steps=1).callback_metrics
    for part in BOTH:
        assert any(not torch.equal(weights(model)[name], before[name]) for name in before if name.startswith(part))
    assert model.images_seen == 3 * 4
    parts = [logged[f"loss/generator/{term}"].item() for term in ("adversarial", "l1")]
    assert logged["loss/generator"].item() == pytest.approx(sum(parts))


def test_the_source_is_no_image_that_a_penalty_differentiates() -> None:
    model = tiny_pix2pix(
        penalty={"r1": R1(gamma=2.0)}, network={"generator": Three(0.0), "discriminator": Difference()}
    )
    source, target = torch.randn(2, 1, SIZE, SIZE), torch.randn(2, 3, SIZE, SIZE)
    terms = model.discriminator_terms(target, target, (source,))
    assert terms["r1"].item() == pytest.approx(1 / (3 * SIZE * SIZE))  # each of the pixels has the gradient 1 / n


def test_relativistic_pairs_with_both_penalties_train() -> None:
    model = tiny_pix2pix(objective=RelativisticPairing(), penalty={"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)})
    logged = fit(model, max_steps=2, log_every_n_steps=1).callback_metrics
    assert {"loss/discriminator/r1", "loss/discriminator/r2", "accuracy/pairs"} <= logged.keys()


@pytest.mark.bits
@pytest.mark.parametrize("stop", [1, 8, 11])
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(stop: int, tmp_path: Path) -> None:
    """Dropout, moving average and schedules included; epochs of 8 batches."""
    options = {"schedule": dict.fromkeys(BOTH, LinearDecay(start=0.5))}

    class Stop(Callback):
        def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
            trainer.should_stop = trainer.global_step >= stop

    whole = tiny_pix2pix(**options)
    fit(whole, max_steps=14)
    fit(tiny_pix2pix(**options), max_steps=14, callbacks=[Stop()]).save_checkpoint(tmp_path / "stop.ckpt")
    resumed = tiny_pix2pix(init_seed=5, **options)
    fit(resumed, max_steps=14, ckpt_path=tmp_path / "stop.ckpt")
    assert same(weights(resumed), weights(whole))


def test_a_grid_shows_source_translation_and_target() -> None:
    model, data = tiny_pix2pix(), TinyPairs()
    fit(model, data, max_steps=1)
    grid, columns = model.sample_grid(3, 9, seed=0)
    source, translated, target = grid.view(3, columns, *grid.shape[1:]).unbind(1)
    held_out, wanted = (to_float(images[:3]) for images, _ in data.load("test"))
    assert torch.equal(source, held_out.expand(-1, 3, -1, -1))
    torch.testing.assert_close(translated, model.generator_ema(held_out))
    assert torch.equal(target, wanted)


def test_other_data_are_refused() -> None:
    with pytest.raises(ValueError, match="choose data=mnist_paired"):
        tiny_pix2pix().unpack_batch(LabelledImages(torch.zeros(2, 1, SIZE, SIZE), torch.zeros(2, dtype=torch.long)))


def test_consistency_is_refused_which_would_change_images_and_not_their_sources() -> None:
    augment = DiffAugment(policy=["translation"], fill=0.0)
    consistency = BalancedConsistency(real_weight=1.0, fake_weight=1.0, augment=augment)
    with pytest.raises(ValueError, match="model/stabiliser=bcr would change images .* choose model/stabiliser=lecam"):
        tiny_pix2pix(stabiliser={"bcr": consistency})
    assert list(tiny_pix2pix(stabiliser={"lecam": LeCam(weight=1.0, decay=0.9)}).stabiliser) == ["lecam"]
