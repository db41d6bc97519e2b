import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.models.player import PLAYERS
from gan_lab.models.stylegan2 import StyleGAN2
from gan_lab.models.turns import Condition
from gan_lab.models.two_players import Outputs
from gan_lab.networks import stylegan2
from gan_lab.penalties import R1
from gan_lab.utils import per_image
from tests.conftest import LATENT_DIM, SIZE, fit, sgd, tiny_gan, tiny_network, weights

REAL = torch.zeros(4, 1, SIZE, SIZE)


def tiny_stylegan2(cls: type[StyleGAN2] = StyleGAN2, **options: Any) -> StyleGAN2:
    sizes = {"channel_base": 32, "channel_max": 2, "image_size": SIZE, "channels": 1}
    torch.manual_seed(options.get("init_seed", 0))
    defaults: dict[str, Any] = {
        "network": {
            "generator": stylegan2.Generator(latent_dim=LATENT_DIM, w_dim=3, mapping_layers=2, mixing=0.0, **sizes),
            "discriminator": stylegan2.Discriminator(stddev_group=1, norm="none", **sizes),
        },
        "path_length_weight": 2.0,
        "path_length_every": 4,
        "path_length_decay": 0.01,
        "path_length_shrink": 1,
    }
    model = tiny_gan(cls, **defaults | options)
    assert isinstance(model, StyleGAN2)
    return model


class Straight(nn.Module):
    """An image of 8x8 whose first pixel is slope * (3, 4) times the w of the first layer, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(1.0))
        self.drawn: list[int] = []

    def map(self, latents: Tensor) -> Tensor:
        return latents[:, None, :2].expand(-1, 2, -1)

    def synthesise(self, ws: Tensor) -> Tensor:
        self.drawn.append(len(ws))
        pixel = self.slope * (3 * ws[:, 0, 0] + 4 * ws[:, 0, 1])
        return nn.functional.pad(pixel[:, None, None, None], (0, SIZE - 1, 0, SIZE - 1))

    def forward(self, latents: Tensor) -> Tensor:
        return self.synthesise(self.map(latents))


def straight(cls: type[StyleGAN2] = StyleGAN2, **options: Any) -> StyleGAN2:
    return tiny_stylegan2(cls, network=tiny_network() | {"generator": Straight()}, **options)


@pytest.fixture
def all_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of normal numbers, so that y is 1 / 8 in each of 64 pixels."""
    monkeypatch.setattr(
        per_image, "randn", lambda count, *shape, like: torch.ones(count, *shape, dtype=like.dtype, device=like.device)
    )


LENGTH = 5 / 8 / math.sqrt(2)  # J^T y is (3, 4) / 8 for one of two layers and 0 for the other


def test_lengths_and_term_of_a_linear_generator_are_those_worked_by_hand(all_ones: None) -> None:
    model = straight()
    assert model.path_lengths(torch.ones(3, LATENT_DIM)).tolist() == pytest.approx([LENGTH] * 3)
    model.running_path_length.fill_(0.25)
    terms = model.path_terms(REAL, REAL, ())
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(
        {"path_length": 2 * (LENGTH - 0.25) ** 2}
    )
    assert float(model.running_path_length) == 0.25
    assert float(model.running_path_change) == pytest.approx(0.01 * (LENGTH - 0.25))
    terms["path_length"].backward()  # |J^T y| is proportional to the slope
    assert float(model.generator.slope.grad) == pytest.approx(2 * 2 * (LENGTH - 0.25) * LENGTH)


def test_the_moving_average_follows_the_lengths_and_stays_between(all_ones: None) -> None:
    still = dict.fromkeys(PLAYERS, sgd(0.0))
    for batches, expected in ((1, 0.01), (4, 0.01), (5, 1 - 0.99**2), (9, 1 - 0.99**3)):
        model = straight(optimizer=still)
        trainer = fit(model, max_steps=batches, log_every_n_steps=batches)
        assert float(model.running_path_length) == pytest.approx(expected * LENGTH), batches
        assert float(trainer.callback_metrics["path_length"]) == pytest.approx(expected * LENGTH)
        assert float(model.running_path_change) == 0


@pytest.mark.parametrize("mixing", [0.0, 1.0])
def test_lengths_are_those_of_the_whole_jacobian(mixing: float) -> None:
    model = tiny_stylegan2().double()
    model.generator.mixing = mixing
    latents = torch.randn(3, LATENT_DIM, dtype=torch.float64)
    torch.manual_seed(5)
    found = model.path_lengths(latents)
    torch.manual_seed(5)
    ws = model.generator.map(latents).detach()
    synthesised: list[Tensor] = []

    def synthesise(one: Tensor) -> Tensor:
        synthesised.append(model.generator.synthesise(one[None])[0])
        return synthesised[-1]

    model.generator.synthesise(ws)  # which draws the layers' noise, of strength 0
    noise = torch.randn(3, 1, SIZE, SIZE, dtype=torch.float64) / SIZE
    for length, w, y in zip(found, ws, noise, strict=True):
        jacobian = torch.autograd.functional.jacobian(synthesise, w)  # (1, 8, 8, layers, w_dim)
        product = torch.einsum("chwlk,chw->lk", jacobian, y)
        torch.testing.assert_close(length, product.square().sum(1).mean().sqrt(), rtol=1e-10, atol=1e-12)


def test_the_terms_gradient_is_that_of_finite_differences() -> None:
    model = tiny_stylegan2().double()
    model.running_path_length.fill_(0.3)

    def term() -> Tensor:
        torch.manual_seed(7)
        return model.path_terms(REAL, REAL, ())["path_length"]

    term().backward()
    places = (
        "mapping.layers.0.weight",
        "constant",
        "layers.1.convolution.weight",
        "to_images.1.convolution.style.bias",
    )
    parameters = dict(model.generator.named_parameters())
    for name in places:
        gradient, values = parameters[name].grad, parameters[name].data.view(-1)
        for place in (0, len(values) - 1):
            before, step, found = values[place].item(), 1e-5, []
            for moved in (before + step, before - step):
                values[place] = moved
                found.append(term().item())
            values[place] = before
            expected = (found[0] - found[1]) / (2 * step)
            assert gradient.view(-1)[place].item() == pytest.approx(expected, rel=1e-5, abs=1e-9), name
        assert gradient.abs().max() > 1e-6, name


def test_a_lazy_turn_has_the_mean_force_of_an_eager_one(all_ones: None) -> None:
    """With a at zero, 2 |J^T y|^2 = 2 (slope LENGTH)^2: the step of SGD is slope <- slope (1 - lr 4 LENGTH^2)."""

    class Alone(StyleGAN2):
        def generator_loss_and_extras(self, real: Tensor, fake: Tensor, condition: Condition) -> Outputs:
            return 0 * fake.sum(), {}

    def slope_after(every: int, batches: int) -> float:
        options = {"path_length_every": every, "path_length_decay": 0.0}
        model = straight(Alone, optimizer=dict.fromkeys(PLAYERS, sgd(1e-2)), **options)
        fit(model, max_steps=batches)
        return float(model.generator.slope.detach())

    step = 1e-2 * 4 * LENGTH**2
    assert slope_after(1, 4) == pytest.approx((1 - step) ** 4)
    # One step of four times the weight, on the first of four batches.
    assert slope_after(4, 4) == pytest.approx(1 - 4 * step)
    assert slope_after(4, 5) == pytest.approx((1 - 4 * step) ** 2)


def test_adam_gets_the_papers_rates_and_betas_for_both_players() -> None:
    """Appendix B: c = 4 / 5 for path lengths on every 4th batch, 16 / 17 for R1 on every 16th."""
    adam = partial(torch.optim.Adam, lr=0.002, betas=(0.0, 0.99))
    options = {"penalty": {"r1": R1(gamma=10.0, every=16)}, "optimizer": dict.fromkeys(PLAYERS, adam)}
    for optimizer, share in zip(tiny_stylegan2(**options).configure_optimizers(), (4 / 5, 16 / 17), strict=True):
        (group,) = optimizer.param_groups
        assert group["lr"] == pytest.approx(0.002 * share)
        assert group["betas"] == pytest.approx((0.0, 0.99**share))
    eager, _ = tiny_stylegan2(**options, path_length_every=1).configure_optimizers()
    assert eager.param_groups[0]["lr"] == 0.002


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"path_length_every": 2}, ["dgp", "dg", "dgp", "dg"]),
        ({"path_length_every": 1}, ["dg"] * 4),
        ({"path_length_weight": 0.0}, ["dg"] * 4),
        ({"path_length_every": 2, "n_critic": 2}, ["d", "dgp", "d", "dg"]),
        ({"path_length_every": 2, "generator_batch": "own"}, ["d", "gp", "d", "g"]),
    ],
)
def test_the_turns_of_a_batch(options: dict[str, Any], expected: list[str]) -> None:
    turns = tiny_stylegan2(**options).turns()
    letters = {"discriminator": "d", "generator": "g", "generator/path_length": "p"}
    assert ["".join(letters[turn.name] for turn in turns if turn.falls_on(step)) for step in range(4)] == expected


def test_an_eager_term_stands_beside_the_loss_and_a_lazy_one_for_itself() -> None:
    eager = tiny_stylegan2(path_length_every=1)
    assert list(eager.generator_terms(REAL, eager.generate(REAL, ()), ())) == ["adversarial", "path_length"]
    lazy = tiny_stylegan2()
    assert list(lazy.generator_terms(REAL, lazy.generate(REAL, ()), ())) == ["adversarial"]
    logged = fit(lazy, max_steps=2, log_every_n_steps=2).callback_metrics
    assert {"loss/generator/path_length", "gradient_norm/generator/path_length", "path_length"} <= set(logged)
    without = tiny_stylegan2(path_length_weight=0.0)
    assert not [name for name in fit(without, max_steps=2, log_every_n_steps=2).callback_metrics if "path" in name]


@pytest.mark.parametrize(("shrink", "expected"), [(1, 5), (2, 3), (4, 2), (9, 1)])
def test_fewer_images_are_measured_than_the_batch_has(shrink: int, expected: int) -> None:
    model = straight(path_length_shrink=shrink)
    model.path_terms(REAL[:1].expand(5, -1, -1, -1), REAL, ())
    assert model.generator.drawn == [expected]


def test_a_part_without_an_image_that_is_measured_adds_nothing() -> None:
    model = straight(path_length_shrink=4)
    with per_image.rows(1, 4, 8):
        term = model.path_terms(REAL[:3], REAL[:3], ())["path_length"]
    term.backward()
    assert (float(term.detach()), model.generator.drawn, model.generator.slope.grad) == (0, [], None)
    assert float(model.running_path_change) == 0


@pytest.mark.bits
def test_half_precision_changes_no_length() -> None:
    model = tiny_stylegan2()
    latents = torch.randn(3, LATENT_DIM)
    found = []
    for enabled in (False, True):
        torch.manual_seed(3)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            found.append(model.path_lengths(latents))
    assert found[0].dtype == torch.float32
    assert torch.equal(*found)


@pytest.mark.bits
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(tmp_path: Path) -> None:
    make = partial(tiny_stylegan2, penalty={"r1": R1(gamma=1.0, every=3)}, path_length_shrink=2)
    whole = make()
    fit(whole, max_steps=10)
    fit(make(), max_steps=6).save_checkpoint(tmp_path / "half.ckpt")
    resumed = make(init_seed=5)
    fit(resumed, max_steps=10, ckpt_path=tmp_path / "half.ckpt")
    found = weights(resumed)
    assert float(found["running_path_length"]) > 0
    assert all(torch.equal(found[name], value) for name, value in weights(whole).items())


def test_a_generator_without_styles_is_refused_unless_nothing_is_measured() -> None:
    message = "choose model/network=stylegan2_small, or set model.path_length_weight=0"
    with pytest.raises(ValueError, match=message):
        tiny_stylegan2(network=tiny_network())
    fit(tiny_stylegan2(network=tiny_network(), path_length_weight=0.0), max_steps=1)


@pytest.mark.bits
def test_samples_may_be_drawn_nearer_to_the_mean_style() -> None:
    model = tiny_stylegan2(ema_half_life=100)
    fit(model, max_steps=3)
    latents = model.seeded_latents(4, seed=1)
    assert torch.equal(model.sample(latents, truncation=1.0), model.sample(latents))
    for ema in (True, False):
        network = model.sampling_network(ema)
        expected = network.eval()(latents, truncation=0.3)
        torch.testing.assert_close(model.sample(latents, truncation=0.3, ema=ema), expected)
        alike = model.sample(latents, truncation=0.0, ema=ema)
        torch.testing.assert_close(alike, alike[:1].expand_as(alike))
    with pytest.raises(ValueError, match="must be from 0 to 1, a share of the distance from the mean style"):
        model.sample(latents, truncation=1.5)
