"""Who moves on which batch, from which images, and in which steps."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_lab.losses import Wasserstein
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.r3gan import R3GAN
from gan_lab.models.turns import Condition, Turn, feeds_generator, share_of_main_steps
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.penalties import R1, R2
from tests.conftest import fit, sgd, tiny_gan, weights


def moves(model: AdversarialModule, steps: int) -> list[str]:
    """The first letters of the turns of each batch."""
    plan = model.turns()
    return ["".join(turn.name[0] for turn in plan if turn.falls_on(step)) for step in range(steps)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["dg", "dg", "dg"]),
        ({"n_critic": 3}, ["d", "d", "dg", "d", "d", "dg"]),
        ({"n_generator": 2}, ["dgg", "dgg"]),
        ({"n_critic": 2, "n_generator": 2, "generator_batch": "own"}, ["d", "d", "gg", "d", "d", "gg"]),
        ({"generator_batch": "own"}, ["d", "g", "d", "g"]),
        ({"penalty": {"r1": R1(gamma=1.0, every=3)}}, ["ddg", "dg", "dg", "ddg"]),
        # Every second of the discriminator's own batches, not of all.
        ({"penalty": {"r1": R1(gamma=1.0, every=2)}, "generator_batch": "own"}, ["dd", "g", "d", "g", "dd", "g"]),
    ],
)
def test_turns_fall_on_the_batches_that_the_options_say(options: dict[str, Any], expected: list[str]) -> None:
    assert moves(tiny_gan(**options), len(expected)) == expected


def test_a_turn_is_the_latest_where_none_follows_up_to_the_logging_point() -> None:
    turn = Turn(player="generator", name="generator", terms=lambda *_: {}, cycle=5, at=(4,))
    assert [step for step in range(20) if turn.falls_on(step)] == [4, 9, 14, 19]
    assert [turn.is_latest(9, until) for until in (9, 13, 14)] == [True, True, False]


def test_images_are_generated_with_a_gradient_only_where_the_generator_learns_through_them() -> None:
    turn = partial(Turn, terms=lambda *_: {}, name="")
    critic, lazy = turn(player="discriminator"), turn(player="discriminator", every=4)
    shared, fresh, own = (turn(player="generator", images=images) for images in ("shared", "fresh", "own"))
    assert feeds_generator([critic, lazy, shared])
    assert feeds_generator([fresh, critic])
    assert not feeds_generator([critic, fresh])
    assert not feeds_generator([critic, own])


class Noted(VanillaGAN):
    """Notes the images of each turn."""

    def discriminator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> dict[str, Tensor]:
        self.__dict__.setdefault("seen", []).append(("d", real.clone(), fake.detach().clone()))
        return super().discriminator_terms(real, fake, condition)

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> dict[str, Tensor]:
        self.__dict__["seen"].append(("g", real.clone(), fake.detach().clone()))
        return super().generator_terms(real, fake, condition)


@pytest.mark.parametrize(
    ("batch", "same_real", "same_fake"), [("shared", True, True), ("noise", True, False), ("own", False, False)]
)
def test_the_generator_learns_from_the_images_that_its_option_says(
    batch: str, same_real: bool, same_fake: bool
) -> None:
    model = tiny_gan(Noted, generator_batch=batch)
    fit(model, max_steps=2)
    (_, real, fake), (player, real_of_g, fake_of_g) = model.seen[:2]
    assert player == "g"
    assert torch.equal(real, real_of_g) is same_real
    assert torch.equal(fake, fake_of_g) is same_fake


def test_further_steps_of_the_generator_learn_from_fresh_noise_and_move_its_average_further() -> None:
    model = tiny_gan(Noted, n_generator=3, ema_half_life=8)
    fit(model, max_steps=1)
    fakes = [fake for player, _, fake in model.seen if player == "g"]
    assert len(fakes) == 3
    assert not torch.equal(fakes[0], fakes[1])
    assert not torch.equal(fakes[1], fakes[2])
    # After 3 x 8 images, three half-lives, an eighth of the first weights is left.
    before, now = tiny_gan(ema_half_life=8).generator.state_dict(), model.generator.state_dict()
    for name, average in model.generator_ema.network.state_dict().items():
        torch.testing.assert_close(average, before[name] / 8 + now[name] * 7 / 8)


class Slope(torch.nn.Module):
    """C(x) = w sum(x): the gradient of a logit is w at each of n pixels, so R1 is gamma / 2 n w^2."""

    batch_independent = True

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, images: Tensor) -> Tensor:
        return self.w * images.sum((1, 2, 3))[:, None]


def test_a_lazy_penalty_has_the_mean_force_of_an_eager_one_in_a_linear_case() -> None:
    """R1 = gamma / 2 n w^2 has the gradient gamma n w: the step of SGD is w <- w (1 - lr gamma n)."""

    class PenaltyAlone(VanillaGAN):
        def discriminator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> dict[str, Tensor]:
            self.real_and_fake_outputs(real, fake, condition)
            return {"nothing": 0 * self.discriminator.w, **self.penalty_terms(real, fake, condition)}

    def w_after(every: int, batches: int) -> float:
        network = {"generator": tiny_gan().generator, "discriminator": Slope()}
        penalty = {"r1": R1(gamma=0.5, every=every)}
        model = tiny_gan(
            PenaltyAlone,
            network=network,
            penalty=penalty,
            optimizer=dict.fromkeys(("generator", "discriminator"), sgd(1e-3)),
        )
        fit(model, max_steps=batches)
        return float(model.discriminator.w.detach())

    step = 1e-3 * 0.5 * 64  # n = 8 x 8 pixels
    assert w_after(1, 4) == pytest.approx((1 - step) ** 4)
    # One step of four times the weight, on the first of four batches.
    assert w_after(4, 4) == pytest.approx(1 - 4 * step)
    assert w_after(4, 5) == pytest.approx((1 - 4 * step) ** 2)


def test_adam_gets_the_papers_rate_and_betas_for_its_further_steps() -> None:
    """Karras et al. 2020, appendix B: c = k / (k + 1), so 16 / 17 for R1 on every 16th batch."""
    adam = partial(torch.optim.Adam, lr=0.002, betas=(0.0, 0.99))
    optimizer = dict.fromkeys(("generator", "discriminator"), adam)
    model = tiny_gan(penalty={"r1": R1(gamma=10.0, every=16)}, optimizer=optimizer)
    generator, discriminator = model.configure_optimizers()
    assert (generator.param_groups[0]["lr"], generator.param_groups[0]["betas"]) == (0.002, (0.0, 0.99))
    group = discriminator.param_groups[0]
    assert group["lr"] == group["initial_lr"] == pytest.approx(0.002 * 16 / 17)
    assert group["betas"] == pytest.approx((0.0, 0.99 ** (16 / 17)))
    # Without a memory of the gradient's size a step scales with its gradient, and nothing is to be mended.
    plain = tiny_gan(penalty={"r1": R1(gamma=10.0, every=16)}).configure_optimizers()[1]
    assert plain.param_groups[0]["lr"] == 0.1


def test_the_share_of_main_steps_counts_all_turns_of_a_player() -> None:
    turn = partial(Turn, player="generator", terms=lambda *_: {}, name="")
    assert share_of_main_steps([turn()]) == 1
    assert share_of_main_steps([turn(), turn(every=4)]) == pytest.approx(4 / 5)
    assert share_of_main_steps([turn(), turn(), turn(every=4), turn(every=2)]) == pytest.approx(2 / 2.75)


def test_lazy_and_eager_penalties_stand_side_by_side_and_are_logged_as_they_are() -> None:
    penalty = {"r1": R1(gamma=1.0, every=2), "r2": R2(gamma=1.0)}
    model = tiny_gan(objective=Wasserstein(), penalty=penalty)
    trainer = fit(model, max_steps=2, log_every_n_steps=2)
    names = {name for name in trainer.callback_metrics if name.startswith(("loss/d", "gradient_norm/d"))}
    assert names == {
        "loss/discriminator",
        "loss/discriminator/adversarial",
        "loss/discriminator/r2",
        "loss/discriminator/r1",
        "gradient_norm/discriminator",
        "gradient_norm/discriminator/every_2",
    }


def test_r3gan_takes_its_loss_alone_where_its_penalties_are_lazy() -> None:
    real, fake = torch.randn(4, 1, 8, 8), torch.randn(4, 1, 8, 8)
    from gan_lab.losses import RelativisticPairing

    make = partial(tiny_gan, R3GAN, objective=RelativisticPairing())
    eager = make(penalty={"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)})
    lazy = make(penalty={"r1": R1(gamma=1.0, every=16), "r2": R2(gamma=1.0, every=16)})
    expected = eager.discriminator_terms(real, fake, ())
    found = lazy.discriminator_terms(real, fake, ())
    assert found.keys() == {"adversarial"}
    torch.testing.assert_close(found["adversarial"], expected.pop("adversarial"))
    torch.testing.assert_close(lazy.penalty_terms(real, fake, (), every=16), expected)


def test_a_run_with_lazy_turns_resumes_to_the_same_bits(tmp_path: Any) -> None:
    make = partial(tiny_gan, penalty={"r1": R1(gamma=1.0, every=3)}, generator_batch="own", n_generator=2)
    whole = make()
    fit(whole, max_steps=10)
    fit(make(), max_steps=5).save_checkpoint(tmp_path / "half.ckpt")
    resumed = make(init_seed=5)
    fit(resumed, max_steps=10, ckpt_path=tmp_path / "half.ckpt")
    found = weights(resumed)
    assert all(torch.equal(found[name], value) for name, value in weights(whole).items())


def test_a_logging_point_on_the_generators_own_batch_tells_of_the_discriminators_last_one(tmp_path: Any) -> None:
    make = partial(tiny_gan, generator_batch="own")
    names = ("logit/real", "logit/fake", "accuracy/real", "accuracy/fake")
    whole = fit(make(), max_steps=4, log_every_n_steps=2).callback_metrics
    fit(make(), max_steps=3, log_every_n_steps=2).save_checkpoint(tmp_path / "between.ckpt")
    model = make(init_seed=5)
    resumed = fit(model, max_steps=4, log_every_n_steps=2, ckpt_path=tmp_path / "between.ckpt")
    assert [resumed.callback_metrics[name].item() for name in names] == [whole[name].item() for name in names]
    assert model.latest_logits["real"].mean().item() == whole["logit/real"].item(), "which callbacks look at"
