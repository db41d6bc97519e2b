"""Every variant in mixed precision, held against itself in float32.

float16 runs here as it does on a GPU: under torch's autocast and a gradient scaler, both of which the CPU has; only
Lightning, and with it `trainer.precision=16-mixed`, leaves them to CUDA.
"""

from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from torch import Tensor, nn

from gan_lab.config.schema import build
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.paired import PairedDataModule
from gan_lab.data.unpaired import UnpairedDataModule
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.pix2pix import Pix2Pix
from gan_lab.models.player import PLAYERS, Terms
from gan_lab.models.translation import TranslationGAN
from gan_lab.utils.batches import LabelledImages
from tests.config.test_conf import LATENT, MODELS, SHIPPED, TRANSLATING
from tests.conftest import composed, sgd

SIZE, COUNT, STEPS = 16, 128, 10
NETWORKS = {"vanilla": "mlp", "r3gan": "resnet", "cyclegan": "resnet_patchgan_small"}  # others: dcgan_small
NETWORKS |= {"pix2pix": "unet_patchgan_small", "cut": "contrastive_patchgan_small"}
NETWORKS |= {"stylegan2": "stylegan2_small", "fastcut": "contrastive_patchgan_small"}
DTYPES = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
# How far a player may end from where float32 leaves it, as a share of the way that it has gone. bfloat16 keeps 8
# significant bits and float16 11, so a gradient that is a difference, of real and generated images or in batch and
# instance norm, keeps fewer; absolute differences in CycleGAN's and pix2pix's generators turn a rounding into a sign,
# and CUT's contrast divides similarities by a small temperature.
TOLERANCE = {"bf16-mixed": 0.2, "16-mixed": 0.1}
OF_GENERATORS = {
    "cyclegan": {"bf16-mixed": 0.3, "16-mixed": 0.2},
    "pix2pix": {"bf16-mixed": 0.3, "16-mixed": 0.2},
    "cut": {"bf16-mixed": 0.6, "16-mixed": 0.4},
    "acgan": {"bf16-mixed": 0.2, "16-mixed": 0.1},
    "infogan": {"bf16-mixed": 0.2, "16-mixed": 0.1},
    "fastcut": {"bf16-mixed": 0.6, "16-mixed": 0.4},
}
# Beside both players' adversarial terms and the penalties.
OTHER_TERMS = {"cyclegan": 2, "cut": 2, "fastcut": 1, "pix2pix": 1, "acgan": 3, "infogan": 4}


def random_images(seed: int) -> LabelledImages:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (COUNT, 1, SIZE, SIZE), dtype=torch.uint8, generator=generator)
    return LabelledImages(images, torch.arange(COUNT) % 10)


class OneDomain(InMemoryDataModule):
    def __init__(self) -> None:
        super().__init__(image_size=SIZE, channels=1, num_classes=10, validation_count=0, batch_size=16, seed=0)

    def load(self, split: str) -> LabelledImages:
        return random_images(0)

    def describe(self) -> dict[str, object]:
        return {}


class TwoSides:
    def __init__(self) -> None:
        super().__init__(image_size=SIZE, channels=1, batch_size=8, seed=0)  # type: ignore[call-arg]

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        return random_images(0), random_images(1)

    def describe(self) -> dict[str, object]:
        return {}


class TwoDomains(TwoSides, UnpairedDataModule):
    pass


class InPairs(TwoSides, PairedDataModule):
    pass


def data_for(model: AdversarialModule) -> Any:
    if isinstance(model, Pix2Pix):
        return InPairs()
    return TwoDomains() if isinstance(model, TranslationGAN) else OneDomain()


def tiny(variant: str) -> AdversarialModule:
    """A variant as its file describes it, on a tiny network with weights that make for gradients worth comparing."""
    network = NETWORKS.get(variant, "dcgan_small")
    small = TRANSLATING[variant][network] if variant in TRANSLATING else (*LATENT[network], "model.latent_dim=4")
    size = (f"data.image_size={SIZE}", "data.channels=1", "model.ema_half_life=16")
    config = composed(f"model={variant}", f"model/network={network}", *small, *size)
    torch.manual_seed(0)
    model: AdversarialModule = build(config.model)
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            layer.reset_parameters()  # DCGAN's N(0, 0.02) is next to nothing in layers this narrow
    rate = {"fastcut": 1e-4}.get(variant, 1e-3 if variant in TRANSLATING else 0.05)  # of ten times CUT's contrast
    model.optimizer = dict.fromkeys(PLAYERS, sgd(rate))
    return model


def plugin(precision: str) -> Precision:
    if precision == "32-true":
        return Precision()
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0) if precision == "16-mixed" else None
    return MixedPrecision(precision, "cpu", scaler)  # type: ignore[arg-type]


def ways(model: AdversarialModule, precision: str) -> dict[str, Tensor]:
    """The distance that each player covers in a few steps."""
    before = {name: flat(model, name) for name in PLAYERS}
    quiet: dict[str, Any] = {"enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(
        accelerator="cpu", plugins=[plugin(precision)], max_steps=STEPS, log_every_n_steps=STEPS, logger=False, **quiet
    )
    trainer.fit(model, data_for(model))
    return {name: flat(model, name) - before[name] for name in PLAYERS}


def flat(model: AdversarialModule, player: str) -> Tensor:
    return torch.cat([p.detach().flatten().double() for p in getattr(model, player).parameters()])


@pytest.mark.parametrize("precision", DTYPES)
@pytest.mark.parametrize("variant", SHIPPED)  # the tolerances are measured, for these
def test_every_variant_goes_the_way_of_float32(variant: str, precision: str) -> None:
    exact, mixed = (ways(tiny(variant), kind) for kind in ("32-true", precision))
    for name in PLAYERS:
        tolerance = TOLERANCE[precision]
        if name == "generator":
            tolerance = OF_GENERATORS.get(variant, TOLERANCE)[precision]
        away = ((mixed[name] - exact[name]).norm() / exact[name].norm()).item()
        assert 0 < away <= tolerance, name


@pytest.mark.parametrize("precision", ["32-true", *DTYPES])
@pytest.mark.parametrize("variant", ["r3gan", "wgan_gp"])
def test_penalties_in_bfloat16_lead_the_way_of_float32(variant: str, precision: str) -> None:
    exact, mixed = tiny(variant), tiny(variant)
    mixed.penalty_precision = "bf16-mixed"
    ways_gone = ways(exact, "32-true"), ways(mixed, precision)
    for name in PLAYERS:
        way, other = (gone[name] for gone in ways_gone)
        assert 0 < ((other - way).norm() / way.norm()).item() <= TOLERANCE["bf16-mixed"], name


@pytest.mark.parametrize("precision", DTYPES)
@pytest.mark.parametrize("variant", MODELS)
def test_networks_are_in_half_precision_and_every_term_in_float32(
    variant: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny(variant)
    drawn: set[torch.dtype] = set()
    minimised: dict[str, torch.dtype] = {}

    def note(_module: nn.Module, _inputs: Any, output: Any) -> None:
        drawn.add((output[0] if isinstance(output, tuple) else output).dtype)  # CUT's brings what it says of patches

    model.generator.register_forward_hook(note)

    def watched(name: str) -> None:
        original = getattr(model, name)

        def terms(*arguments: Any) -> Terms:
            terms: Terms = original(*arguments)
            minimised.update({f"{name}/{term}": value.dtype for term, value in terms.items()})
            return terms

        monkeypatch.setattr(model, name, terms)

    watched("discriminator_terms")
    watched("generator_terms")
    monkeypatch.setattr(f"{__name__}.STEPS", model.n_critic)
    ways(model, precision)
    # The generator of styles ends with a sum of images and a bias in float32.
    assert drawn == {torch.float32 if variant == "stylegan2" else DTYPES[precision]}
    assert set(minimised.values()) == {torch.float32}
    eager = sum(penalty.every == 1 for penalty in model.penalty.values())
    assert len(minimised) == 2 + eager + OTHER_TERMS.get(variant, 0)
