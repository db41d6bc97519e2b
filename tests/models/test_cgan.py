import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_lab.losses import Hinge, LeastSquares, Minimax, NonSaturating, Objective, RelativisticPairing, Wasserstein
from gan_lab.models.cgan import CGAN
from gan_lab.penalties import DRAGAN, R1, R2, GradientPenalty
from tests.conftest import LATENT_DIM, SIZE, TinyImages, fit, tiny_cgan, tiny_gan, weights

OBJECTIVES = [
    NonSaturating(label_smoothing=0.0),
    Minimax(label_smoothing=0.0),
    LeastSquares(),
    Hinge(),
    Wasserstein(),
    RelativisticPairing(),
]
PENALTIES = [
    {},
    {"gp": GradientPenalty(weight=1.0)},
    {"dragan": DRAGAN(weight=1.0, noise=0.3)},
    {"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)},
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: "+".join(penalty) or "none")
@pytest.mark.parametrize("conditioning", ["concat", "projection"])
def test_labels_reach_both_players_under_every_loss(objective: Objective, penalty: Any, conditioning: str) -> None:
    torch.manual_seed(0)
    model = tiny_cgan(conditioning, objective=objective, penalty=penalty, ema_half_life=8)
    before = weights(model)
    fit(model, max_steps=2)
    after = weights(model)
    first = "generator.generator.hidden.0.weight"  # its last ten inputs are the label
    assert not torch.equal(after[first][:, -10:], before[first][:, -10:])
    (own,) = [name for name in after if name.startswith(("discriminator.planes", "discriminator.vectors"))]
    assert not torch.equal(after[own], before[own])
    assert all(value.isfinite().all() for value in after.values())


def test_each_class_is_asked_for_as_often_as_the_data_has_it() -> None:
    asked: list[Tensor] = []
    model = tiny_cgan()
    model.generator.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[1]))
    data = TinyImages(count=80, batch_size=4)  # a batch holds fewer labels than there are classes
    fit(model, data, max_epochs=1)
    assert torch.cat(asked).bincount(minlength=10).tolist() == [8] * 10


def test_the_same_latent_gives_another_image_for_another_label() -> None:
    model, latents = tiny_cgan(), torch.randn(1, LATENT_DIM).repeat(10, 1)
    drawn = model.sample(latents, torch.arange(10))
    assert all(not torch.equal(one, other) for one, other in itertools.combinations(drawn, 2))


@pytest.mark.bits
def test_a_grid_has_a_row_for_each_class_and_a_latent_for_each_column() -> None:
    model = tiny_cgan()
    pictures, columns = model.sample_grid(5, 3, seed=1)
    assert (len(pictures), columns) == (30, 3)
    latents: list[Tensor] = []
    model.generator.register_forward_pre_hook(lambda _, inputs: latents.extend(inputs))
    again, _ = model.sample_grid(5, 3, seed=1)
    assert torch.equal(pictures, again)
    drawn, labels = latents
    assert labels.tolist() == [label for label in range(10) for _ in range(3)]
    assert torch.equal(drawn[:3], drawn[3:6])
    assert len(drawn[:3].unique(dim=0)) == 3


def test_the_logit_of_an_image_depends_on_its_label() -> None:
    for conditioning in ("concat", "projection"):
        model = tiny_cgan(conditioning)
        image = torch.randn(1, 1, SIZE, SIZE)
        logits = [model.logits(image, (torch.tensor([label]),)).item() for label in range(10)]
        assert len(set(logits)) == 10


def test_the_condition_names_every_class_equally_often_or_one_alone() -> None:
    model = tiny_cgan()
    (labels,) = model.make_condition(20)
    assert labels.tolist() == 2 * list(range(10))
    assert torch.equal(model.make_condition(7)[0], labels[:7]), "an index decides its label"
    (labels,) = model.make_condition(3, 7)
    assert labels.tolist() == [7, 7, 7]
    with pytest.raises(ValueError, match="there is no class 10: the run knows 0 to 9"):
        model.make_condition(3, 10)


def test_a_single_class_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="needs two classes or more: set data.num_classes"):
        tiny_gan(CGAN, conditioning={}, num_classes=1)
