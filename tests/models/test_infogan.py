import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.callbacks.diagnostics import Diagnostics
from gan_lab.models.infogan import InfoGAN
from gan_lab.models.player import Terms
from gan_lab.models.turns import Condition
from gan_lab.networks import mlp
from gan_lab.networks.heads import WithHeads
from gan_lab.utils.batches import LabelledImages
from tests.conftest import LATENT_DIM, SIZE, TinyImages, fit, tiny_gan, tiny_network, weights

CODES = 5  # three categories and two values


def tiny_infogan(continuous: int = 2, **options: Any) -> InfoGAN:
    torch.manual_seed(0)
    codes = 3 + continuous
    network = {
        "generator": mlp.Generator(latent_dim=LATENT_DIM + codes, hidden=[8], image_size=SIZE, channels=1),
        "discriminator": mlp.Discriminator(hidden=[8], norm="none", image_size=SIZE, channels=1),
    }
    defaults = {
        "network": network,
        "heads": partial(WithHeads, heads={"codes": codes}, image_size=SIZE, channels=1),
        "categories": 3,
        "continuous": continuous,
        "category_weight": 1.0,
        "continuous_weight": 0.5,
    }
    model = tiny_gan(InfoGAN, **defaults | options)
    assert isinstance(model, InfoGAN)
    return model


def test_the_information_by_numbers_worked_by_hand() -> None:
    """Logits (ln 2, 0, 0) give the chances 1/2, 1/4, 1/4: category 0 costs ln 2, category 2 ln 4, their mean 1.5 ln 2.

    Means (0.5, 0) cost values (1, 0) half of 0.25, and values (-0.5, 1) half of 1 + 1: the mean is 1.125 / 2.
    """
    model = tiny_infogan(category_weight=2.0, continuous_weight=0.5)
    said = torch.tensor([[math.log(2), 0, 0, 0.5, 0]]).expand(2, -1)
    codes = torch.tensor([[1.0, 0, 0, 1, 0], [0, 0, 1, -0.5, 1]])
    found = model.head_terms("fake", {"codes": said}, (codes,))
    assert {name: term.item() for name, term in found.items()} == pytest.approx(
        {"category": 2 * 1.5 * math.log(2), "continuous": 0.5 * 1.125 / 2}
    )
    assert model.head_terms("real", {"codes": said}, (codes,)) == {}


def test_both_players_descend_the_same_information_of_generated_images() -> None:
    model = tiny_infogan()
    real, fake = torch.randn(4, 1, SIZE, SIZE), torch.randn(4, 1, SIZE, SIZE)
    condition = (model.sample_codes(4),)
    discriminator, generator = (
        terms(real, fake, condition) for terms in (model.discriminator_terms, model.generator_terms)
    )
    assert list(discriminator) == list(generator) == ["adversarial", "category", "continuous"]
    for name in ("category", "continuous"):
        torch.testing.assert_close(discriminator[name], generator[name])


class InformationAlone(InfoGAN):
    """One player descends the information and nothing else, and the other one nothing."""

    learner = "discriminator"

    def discriminator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        return self.without_game("discriminator", super().discriminator_terms(real, fake, condition))

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        return self.without_game("generator", super().generator_terms(real, fake, condition))

    def without_game(self, player: str, terms: Terms) -> Terms:
        return {name: term * (player == self.learner and name != "adversarial") for name, term in terms.items()}


@pytest.mark.parametrize(
    ("learner", "expected"),
    [
        ("discriminator", {"discriminator.heads.codes", "discriminator.discriminator.features.1"}),
        ("generator", {"generator.hidden.0", "generator.output.0"}),
    ],
)
def test_q_and_the_body_move_in_the_discriminators_turn_alone_and_the_generator_in_its_own(
    learner: str, expected: set[str]
) -> None:
    model = tiny_infogan()
    model.__class__ = InformationAlone
    model.learner = learner  # type: ignore[attr-defined]
    before = weights(model)
    fit(model, max_steps=1)
    after = weights(model)
    assert {name.rpartition(".")[0] for name in after if not torch.equal(after[name], before[name])} == expected


def test_codes_are_of_the_prior() -> None:
    model = tiny_infogan()
    for codes in (model.sample_codes(6000), model.seeded_latents(6000, 1)[:, LATENT_DIM:]):
        category, values = codes.split([3, 2], 1)
        assert (category.sum(1) == 1).all()
        assert category.mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.03)
        assert values.abs().max() <= 1
        assert values.mean(0).tolist() == pytest.approx([0, 0], abs=0.04)
        assert values.var(0).tolist() == pytest.approx([1 / 3] * 2, abs=0.02)


def test_the_generator_gets_the_codes_that_q_is_asked_for() -> None:
    model, made, asked = tiny_infogan(), [], []
    model.generator.register_forward_pre_hook(lambda _, inputs: made.append(inputs[0][:, LATENT_DIM:]))
    terms = model.head_terms
    model.head_terms = lambda kind, extras, condition: asked.append(condition[0]) or terms(kind, extras, condition)  # type: ignore[method-assign, func-returns-value]
    fit(model, max_steps=2)
    assert len(made) == 2
    assert torch.equal(torch.stack(asked), torch.stack([made[0]] * 3 + [made[1]] * 3)), "real, fake, fake of each step"
    assert not torch.equal(made[0], made[1])


@pytest.mark.bits
def test_the_seed_and_the_index_decide_a_latent_and_its_codes() -> None:
    model = tiny_infogan()
    latents = model.seeded_latents(40, 3)
    assert latents.shape == (40, LATENT_DIM + CODES)
    assert torch.equal(model.seeded_latents(7, 3), latents[:7])


def test_a_category_can_be_asked_for() -> None:
    model, seen = tiny_infogan(), []
    model.generator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    latents = model.seeded_latents(4, 0)
    model.sample(latents, *model.make_condition(4))
    model.sample(latents, *model.make_condition(4, 2))
    own, asked = seen
    assert torch.equal(own, latents)
    assert asked[:, LATENT_DIM : LATENT_DIM + 3].tolist() == [[0, 0, 1]] * 4
    assert torch.equal(asked[:, :LATENT_DIM], latents[:, :LATENT_DIM])
    assert torch.equal(asked[:, -2:], latents[:, -2:])
    with pytest.raises(ValueError, match="there is no category 3: the run has 0 to 2"):
        model.make_condition(4, 3)


def test_a_grid_has_a_row_for_each_category_and_moves_one_value_after_the_other() -> None:
    model, seen = tiny_infogan(), []
    model.generator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    pictures, columns = model.sample_grid(1, 8, seed=2)
    assert (len(pictures), columns) == (3 * 8, 8)
    latents = seen[0].view(3, 8, -1)
    noise, category, values = latents.split([LATENT_DIM, 3, 2], 2)
    assert torch.equal(category, torch.eye(3)[:, None].expand(3, 8, 3))
    assert torch.equal(noise, noise[:1].expand(3, -1, -1))
    assert len(noise[0, :4].unique(dim=0)) == 4
    assert torch.equal(noise[0, 4:], noise[0, :1].expand(4, -1))
    assert values[0, 4:].tolist() == [[-1, 0], [1, 0], [0, -1], [0, 1]]


def test_a_grid_without_values_shows_noise_alone() -> None:
    model = tiny_infogan(continuous=0)
    pictures, columns = model.sample_grid(1, 4, seed=2)
    assert (len(pictures), columns) == (12, 4)
    assert list(model.head_terms("fake", {"codes": torch.zeros(2, 3)}, (model.sample_codes(2),))) == ["category"]
    fit(model, max_steps=1)


def test_health_takes_the_codes_for_no_classes() -> None:
    data, model = TinyImages(), tiny_infogan()
    data.setup("fit")
    checks = Diagnostics(data, model, count=8, classified_images=0, seed=0)
    first, second = checks.measure(model), Diagnostics(data, model, count=8, classified_images=0, seed=0).measure(model)
    assert {name: value.item() for name, value in first.items()} == {n: value.item() for n, value in second.items()}


def test_it_trains_in_mixed_precision() -> None:
    model = tiny_infogan()
    fit(model, max_steps=2, precision="bf16-mixed")
    assert all(value.isfinite().all() for value in weights(model).values())


def test_real_images_need_no_labels() -> None:
    model = tiny_infogan()
    real, condition = model.unpack_batch(
        LabelledImages(torch.zeros(4, 1, SIZE, SIZE), torch.zeros(4, dtype=torch.long))
    )
    assert real.shape == (4, 1, SIZE, SIZE)
    assert [part.shape for part in condition] == [(4, CODES)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"categories": 1}, "set model.categories to 2 or more"),
        ({"network": {}}, "set model.network.generator.mixing=0"),
    ],
)
def test_what_can_not_carry_a_code_is_refused(options: dict[str, Any], message: str) -> None:
    if "network" in options:
        mixing = nn.Identity()
        mixing.mixing = 0.9  # type: ignore[assignment]
        options["network"] = tiny_network() | {"generator": mixing}
    with pytest.raises(ValueError, match=message):
        tiny_infogan(**options)
