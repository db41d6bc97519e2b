"""Gradients of single terms against those worked out by hand, and a training that they leave as it is."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.callbacks.gradients import GradientsOfTerms, TermGradients
from gan_lab.losses import RelativisticPairing
from gan_lab.models import cuda_graphs
from gan_lab.models.r3gan import R3GAN
from gan_lab.models.report import Report
from gan_lab.penalties import R1, R2
from gan_lab.training.trainer import CompiledNetworks
from gan_lab.utils import hardware
from gan_lab.utils.errors import UserError
from tests.conftest import SIZE, TinyImages, fit, same, spy_on_reads, tiny_gan, tiny_network, weights
from tests.distributed.games import in_double

GAMMA = 3.0
TERMS = "discriminator/adversarial", "discriminator/r1"
ANGLE = "gradient_cosine/discriminator/adversarial_r1"


class Linear(nn.Module):
    """Logits w x + b."""

    batch_independent = True

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(SIZE * SIZE, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.output(images.flatten(1))
        return logits


def linear_gan(**options: Any) -> Any:
    return tiny_gan(
        **{"network": tiny_network() | {"discriminator": Linear()}, "penalty": {"r1": R1(gamma=GAMMA)}} | options
    )


def looked_at(model: Any, **options: Any) -> dict[str, float]:
    watch = TermGradients(every_n_logs=options.pop("every_n_logs", 1))
    defaults: dict[str, Any] = {"max_steps": 1, "log_every_n_steps": 1, "precision": "64-true"}
    data = options.pop("data", None) or in_double(TinyImages())
    found = fit(model, data, callbacks=[watch], **defaults | options).callback_metrics
    return {name: float(value) for name, value in found.items()}


@pytest.mark.parametrize("parts", [1, 3])
def test_a_linear_discriminators_gradients_are_those_worked_by_hand(parts: int) -> None:
    model = linear_gan()
    model.parts = parts
    weight = model.discriminator.output.weight.detach().double().flatten()
    bias = model.discriminator.output.bias.item()
    shown: list[tuple[Tensor, ...]] = []
    terms_of = model.discriminator_terms
    model.discriminator_terms = lambda *given: shown.append((given[0], given[1].detach())) or terms_of(*given)
    found = looked_at(model)
    real, fake = (torch.cat(images).flatten(1).double() for images in zip(*shown, strict=True))
    # softplus(-C(x)) + softplus(C(G(z))) falls by sigmoid(-C(x)) with C(x), and grows by sigmoid(C(G(z))).
    of_real, of_fake = -torch.sigmoid(-(real @ weight + bias)), torch.sigmoid(fake @ weight + bias)
    adversarial = torch.cat(((of_real @ real + of_fake @ fake) / len(real), (of_real + of_fake).mean()[None]))
    r1 = torch.cat((GAMMA * weight, torch.zeros(1)))  # of gamma / 2 w^2
    assert found[f"gradient_norm/{TERMS[0]}"] == pytest.approx(adversarial.norm().item(), rel=1e-5)
    assert found[f"gradient_norm/{TERMS[1]}"] == pytest.approx(r1.norm().item(), rel=1e-5)
    cosine = adversarial @ r1 / adversarial.norm() / r1.norm()
    assert found[ANGLE] == pytest.approx(cosine.item(), rel=1e-4, abs=1e-6)
    both = (adversarial + r1).norm().item()
    assert found["gradient_norm/discriminator"] == pytest.approx(both, rel=1e-5), "the parts of the whole"
    assert not [name for name in found if name.startswith(("gradient_cosine/gen", "gradient_norm/generator/"))]


def test_three_terms_have_three_angles() -> None:
    found = looked_at(linear_gan(penalty={"r1": R1(gamma=1.0), "r2": R2(gamma=5.0)}))
    angles = {name.rpartition("/")[2]: value for name, value in found.items() if "cosine" in name}
    assert angles.keys() == {"adversarial_r1", "adversarial_r2", "r1_r2"}
    assert angles["r1_r2"] == pytest.approx(1.0), "both shorten the weights of a linear critic"
    assert angles["adversarial_r1"] == pytest.approx(angles["adversarial_r2"])


def test_opposite_gradients_have_a_cosine_of_minus_one_and_a_vanishing_one_has_none() -> None:
    parameter = nn.Parameter(torch.tensor([3.0, 4.0]))
    unused = nn.Parameter(torch.ones(2))
    player = SimpleNamespace(name="generator", parameters=[parameter, unused], scaler=None)
    watch, report = GradientsOfTerms(), Report()
    square = parameter.square().sum()
    watch.learn(player, {"up": square, "down": -2 * square, "flat": 0 * square}, 1.0)
    watch.move(player, report)
    found = {name: value.item() for name, value in report.scalars.items()}
    assert found["gradient_norm/generator/up"] == pytest.approx(10)
    assert found["gradient_norm/generator/down"] == pytest.approx(20)
    assert found["gradient_cosine/generator/up_down"] == pytest.approx(-1)
    assert found["gradient_cosine/generator/up_flat"] == 0


def test_a_scalers_scale_is_taken_out_again() -> None:
    parameter = nn.Parameter(torch.tensor([3.0, 4.0]))
    scaler = SimpleNamespace(scale=lambda outputs: outputs * 1024)
    player = SimpleNamespace(name="generator", parameters=[parameter], scaler=scaler)
    watch, report = GradientsOfTerms(), Report()
    watch.learn(player, {"square": parameter.square().sum(), "sum": parameter.sum()}, 1.0)
    watch.move(player, report)
    assert report.scalars["gradient_norm/generator/square"].item() == pytest.approx(10)


adam = dict.fromkeys(("generator", "discriminator"), partial(torch.optim.Adam, lr=1e-2))
PAIRS = {"objective": RelativisticPairing(), "penalty": {"r1": R1(gamma=1.0, every=2), "r2": R2(gamma=1.0, every=2)}}


@pytest.mark.bits
@pytest.mark.parametrize(
    ("make", "parts", "precision"),
    [
        (linear_gan, 1, "32-true"),
        (linear_gan, 2, "32-true"),
        (linear_gan, 1, "bf16-mixed"),
        (partial(tiny_gan, R3GAN, **PAIRS), 1, "32-true"),
    ],
    ids=["at once", "in parts", "mixed", "lazy"],
)
def test_training_stays_the_same_to_the_last_bit(make: Any, parts: int, precision: str) -> None:
    torch.manual_seed(0)
    alone = make(optimizer=adam, clip_grad_norm={"discriminator": 0.5})
    torch.manual_seed(0)
    watched = make(optimizer=adam, clip_grad_norm={"discriminator": 0.5})
    watched.load_state_dict(alone.state_dict())
    alone.parts = watched.parts = parts
    options: dict[str, Any] = {"max_steps": 6, "log_every_n_steps": 2, "precision": precision}
    before = {n: float(v) for n, v in fit(alone, TinyImages(), **options).callback_metrics.items()}
    after = looked_at(watched, data=TinyImages(), **options)
    assert same(weights(alone), weights(watched))
    extra = {name for name in after if "cosine" in name or name.startswith("gradient_norm/discriminator/r")}
    assert extra
    assert {n: v for n, v in before.items() if n != "images_per_second"}.items() <= after.items()


def test_only_the_steps_of_a_logging_point_whose_turn_it_is_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[int, str]] = []
    model = linear_gan(n_critic=2)
    learn = GradientsOfTerms.learn
    monkeypatch.setattr(
        GradientsOfTerms,
        "learn",
        lambda self, player, *given: steps.append((model.global_step, player.name)) or learn(self, player, *given),
    )
    looked_at(model, max_steps=18, log_every_n_steps=3, every_n_logs=2)
    # Batches are counted from 0. At the points after 6, 12 and 18 batches both players have just moved.
    assert steps == [(step, name) for step in (5, 11, 17) for name in ("discriminator", "generator")]
    steps.clear()
    model = linear_gan(n_critic=2)
    looked_at(model, max_steps=3, log_every_n_steps=3)
    assert steps == [(1, "generator"), (2, "discriminator")], "the latest of each before the point after 3 batches"


def test_nothing_waits_for_the_device_between_logging_points(monkeypatch: pytest.MonkeyPatch) -> None:
    model = linear_gan()
    watch = TermGradients(every_n_logs=1)
    reads = spy_on_reads(monkeypatch, model)
    fit(model, max_steps=8, log_every_n_steps=4, callbacks=[watch])
    assert {3, 7} <= set(reads)
    assert not {1, 2, 5, 6} & set(reads)


def test_graphs_are_left_out_and_compiled_networks_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = SimpleNamespace(callbacks=[TermGradients(every_n_logs=1)], precision_plugin=None)
    model: Any = SimpleNamespace(
        trainer=trainer, device=torch.device("cuda"), generator=nn.Linear(1, 1), parts=1, players=[], schedule={}
    )
    assert cuda_graphs.why_not(model) == "callbacks.gradients takes the gradient of each term by itself"
    trainer.callbacks = []
    assert cuda_graphs.why_not(model) is None
    monkeypatch.setattr(hardware, "check_compiler", lambda device: None)  # this machine may have none
    with pytest.raises(UserError, match=r"set trainer\.compile=false, or callbacks\.gradients=null"):
        fit(tiny_gan(), max_steps=1, callbacks=[CompiledNetworks(), TermGradients(every_n_logs=1)])


def test_a_step_that_nobody_asked_about_is_forgotten() -> None:
    watch, report = GradientsOfTerms(), Report()
    parameter = nn.Parameter(torch.ones(1))
    player = SimpleNamespace(name="generator", parameters=[parameter], scaler=None)
    watch.begin()
    watch.learn(player, {"main": parameter.sum(), "other": 2 * parameter.sum()}, 1.0)
    watch.begin()
    watch.learn(player, {"lazy": parameter.sum(), "further": parameter.sum()}, 1.0)
    watch.move(player, report)
    assert not any("main" in name or "other" in name for name in report.scalars)
