"""The moving average of the generator: who is averaged, how fast, and who draws."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gan_lab.models.ema import MovingAverage
from gan_lab.models.latent import LatentGAN
from gan_lab.models.vanilla import VanillaGAN
from tests.conftest import LATENT_DIM, fit, same, sgd, tiny_gan, tiny_network, weights


def watched(network: nn.Module, half_life: int = 100) -> MovingAverage:
    average = MovingAverage(network, half_life)
    average.watch(network)
    return average


@pytest.mark.parametrize(("images", "expected"), [(100, 0.5), (200, 0.75), (50, 1 - 0.5**0.5)])
def test_half_of_the_way_in_a_half_life(images: int, expected: float) -> None:
    network = nn.Linear(1, 1)
    nn.init.zeros_(network.weight)
    average = watched(network)
    nn.init.ones_(network.weight)
    average.follow(images)
    assert average.network.weight.item() == pytest.approx(expected)


def test_many_small_steps_go_as_far_as_a_large_one() -> None:
    network = nn.Linear(3, 2)
    large, small = watched(network), watched(network)
    nn.init.normal_(network.weight)
    large.follow(60)
    for _ in range(6):
        small.follow(10)
    torch.testing.assert_close(large.network.weight, small.network.weight)


def test_running_statistics_are_averaged_and_counts_copied() -> None:
    network = nn.BatchNorm1d(1)
    average = watched(network)
    network(torch.tensor([[3.0], [5.0]]))  # mean 4 with momentum 0.1: running mean 0.4
    average.follow(100)
    assert average.network.running_mean.item() == pytest.approx(0.2)
    assert average.network.num_batches_tracked.item() == 1


def test_it_is_frozen_and_stays_in_evaluation_mode() -> None:
    average = MovingAverage(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)), 10).train()
    assert not any(module.training for module in average.network.modules())
    assert not any(parameter.requires_grad for parameter in average.parameters())


def trained(steps: int, **options: Any) -> LatentGAN:
    model = tiny_gan(ema_half_life=16, **options)
    fit(model, max_steps=steps)
    return model


def test_the_generator_alone_is_averaged_and_no_optimizer_moves_the_average() -> None:
    model = trained(1)
    assert {name.split(".")[0] for name in weights(model)} == {"generator", "discriminator", "generator_ema"}
    assert weights(model.generator_ema.network).keys() == weights(model.generator).keys()
    owned = {id(p) for player in model.players for group in player.optimizer.param_groups for p in group["params"]}
    assert owned.isdisjoint(map(id, model.generator_ema.parameters()))


@pytest.mark.parametrize(("n_critic", "updates"), [(1, 6), (3, 2), (5, 1)])
def test_it_moves_with_the_generators_steps(n_critic: int, updates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[int] = []
    original = MovingAverage.follow
    monkeypatch.setattr(MovingAverage, "follow", lambda self, images: followed.append(images) or original(self, images))
    trained(6, n_critic=n_critic)
    assert followed == [8] * updates


def test_it_is_the_average_by_hand_after_training() -> None:
    states: list[dict[str, torch.Tensor]] = []

    class Recorded(VanillaGAN):
        def on_train_batch_end(self, *_: Any) -> None:
            states.append(weights(self.generator))

    start = weights(tiny_gan().generator)
    model = tiny_gan(Recorded, ema_half_life=16)
    fit(model, max_steps=4)
    expected = start
    for state in states:
        share = 0.5 ** (8 / 16)
        expected = {name: share * expected[name] + (1 - share) * state[name] for name in state}
    for name, value in weights(model.generator_ema.network).items():
        torch.testing.assert_close(value, expected[name])


@pytest.mark.bits
def test_averaging_does_not_change_training() -> None:
    plain = tiny_gan()
    fit(plain, max_steps=5)
    assert same(weights(plain.generator), weights(trained(5).generator))


@pytest.mark.bits
def test_samples_are_drawn_with_the_average_unless_the_raw_weights_are_asked_for() -> None:
    model, latents = trained(5), torch.randn(3, LATENT_DIM)
    assert torch.equal(model.sample(latents), model.generator_ema.network(latents))
    assert torch.equal(model.sample(latents, ema=False), model.generator(latents))
    assert not torch.equal(model.sample(latents), model.sample(latents, ema=False))
    without = tiny_gan()
    assert torch.equal(without.sample(latents), without.generator(latents))


@pytest.mark.bits
def test_it_survives_a_checkpoint(tmp_path: Path) -> None:
    whole = trained(6)
    fit(first := tiny_gan(ema_half_life=16), max_steps=2).save_checkpoint(tmp_path / "a.ckpt")
    assert first.generator_ema is not None
    resumed = tiny_gan(ema_half_life=16, init_seed=9)
    fit(resumed, max_steps=6, ckpt_path=tmp_path / "a.ckpt")
    assert same(weights(resumed), weights(whole))


def test_adam_and_batch_norm_are_followed_in_place() -> None:
    """What is averaged is looked up once: nothing may replace the tensors afterwards."""
    torch.manual_seed(0)
    network = {**tiny_network(), "generator": nn.Sequential(tiny_network()["generator"], nn.BatchNorm2d(1))}
    adam = torch.optim.Adam
    model = tiny_gan(network=network, ema_half_life=1, optimizer={"generator": adam, "discriminator": sgd()})
    fit(model, max_steps=4)
    for name, value in weights(
        model.generator_ema.network
    ).items():  # a half-life of an eighth of a batch: all but there
        torch.testing.assert_close(value, weights(model.generator)[name], rtol=0, atol=1e-2)
