from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_lab.callbacks.diagnostics import Diagnostics, energy_distance, pairwise_distance, separation
from gan_lab.losses import LeastSquares, Wasserstein
from gan_lab.metrics import dataset_classifier
from gan_lab.models.cgan import CGAN
from gan_lab.networks.labelled import ConcatDiscriminator, LabelledGenerator
from gan_lab.utils.errors import UserError
from tests.conftest import LATENT_DIM, SIZE, TinyImages, tiny_gan, tiny_network


def test_separation_by_hand() -> None:
    high, low = torch.tensor([[1.0], [3.0]]), torch.tensor([[-2.0], [2.0]])  # means 2 and 0, variances 2 and 8
    assert separation(high, low).item() == pytest.approx(2 / 5**0.5)
    assert separation(1000 * high, 1000 * low).item() == pytest.approx(2 / 5**0.5)
    assert separation(low, low).item() == 0
    assert separation(torch.zeros(3), torch.zeros(3)).item() == 0


def test_distance_is_that_of_all_pairs_within_groups() -> None:
    pictures = torch.randn(9, 2, 3, 3, dtype=torch.float64)
    groups = torch.tensor([4, 4, 7, 4, 7, 7, 4, 9, 7])
    pairs = [(i, j) for i, j in combinations(range(9), 2) if groups[i] == groups[j]]
    squares = [(pictures[i] - pictures[j]).square().sum().item() for i, j in pairs]
    assert pairwise_distance(pictures, groups).item() == pytest.approx((sum(squares) / len(squares)) ** 0.5, rel=1e-5)
    assert pairwise_distance(torch.ones(5, 1, 2, 2), torch.zeros(5, dtype=torch.long)).item() == 0


def test_energy_distance_by_hand() -> None:
    points = torch.tensor([[0.0], [4.0]])  # 4 apart
    assert energy_distance(points, points).item() == pytest.approx(2 * 2 / 4 - 2)  # its own pairs count among the two
    # From 6 and 8 the distances are 6, 8, 2 and 4, so 5 on average; the two lie 2 apart.
    assert energy_distance(torch.tensor([[6.0], [8.0]]), points).item() == pytest.approx((2 * 5 - 2) / 4 - 1)
    torch.manual_seed(0)
    real = torch.randn(256, 1, 16, 16)
    assert abs(energy_distance(torch.randn(256, 1, 16, 16), real)) < 0.01
    mean = real.mean(0, keepdim=True).expand_as(real)
    assert energy_distance(mean, real).item() == pytest.approx(2**0.5 - 1, abs=0.01)


def tiny(data: Any = None, model: Any = None, **options: Any) -> tuple[Diagnostics, Any]:
    model = model or tiny_gan()
    data = data or TinyImages()
    data.setup("fit")
    return Diagnostics(data, model, **{"count": 32, "classified_images": 8, "seed": 0} | options), model


def test_a_discriminator_that_knows_its_images_by_heart_is_seen() -> None:
    data = TinyImages()
    diagnostics, model = tiny(data)
    before = diagnostics.measure(model)
    assert abs(before["health/overfitting"]) < 1
    train, test = ((data.splits[split][0].float() / 127.5 - 1).flatten(1) for split in ("train", "test"))
    optimizer = torch.optim.Adam(model.discriminator.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        model.objective.discriminator(
            model.discriminator(train), model.discriminator(torch.randn_like(test))
        ).backward()
        optimizer.step()
    after = diagnostics.measure(model)
    assert after["health/overfitting"] > 1
    assert after["health/accuracy/train"] == 1
    assert after["health/accuracy/validation"] < 0.9


def test_accuracy_is_by_the_objectives_boundary_where_it_has_one() -> None:
    for objective, names in (
        (LeastSquares(), {"health/accuracy/train", "health/accuracy/validation"}),
        (Wasserstein(), set()),
    ):
        diagnostics, model = tiny(model=tiny_gan(objective=objective))
        measured = diagnostics.measure(model)
        assert measured.keys() == {"health/overfitting", "health/diversity", "health/distance", *names}
        if names:
            real, _ = model.unpack_batch(diagnostics._batch("train"))
            share = (model.discriminator(real) > 0.5).float().mean()
            assert measured["health/accuracy/train"] == share


@pytest.mark.bits
def test_one_image_for_all_latents_is_no_diversity_and_the_data_itself_is_all_of_it() -> None:
    data = TinyImages()
    diagnostics, model = tiny(data)
    torch.nn.init.zeros_(model.generator.output[0].weight)
    assert diagnostics.measure(model)["health/diversity"].item() == pytest.approx(0, abs=1e-5)
    real, _ = model.unpack_batch(diagnostics._batch("train"))
    model.sample = lambda latents, ema: real
    assert diagnostics.measure(model)["health/diversity"] == 1


def test_one_image_for_each_class_is_no_diversity_either() -> None:
    network = tiny_network()
    network["generator"].hidden[0] = torch.nn.Linear(LATENT_DIM + 10, 8)
    network["discriminator"].features[1] = torch.nn.Linear(2 * SIZE**2, 8)
    conditioning = {
        "generator": lambda player: LabelledGenerator(player, num_classes=10),
        "discriminator": lambda player: ConcatDiscriminator(player, num_classes=10, image_size=SIZE),
    }
    diagnostics, model = tiny(model=tiny_gan(CGAN, network=network, conditioning=conditioning, num_classes=10))
    assert diagnostics.measure(model)["health/diversity"] > 0
    model.generator.generator.hidden[0].weight.data[:, :LATENT_DIM] = 0
    assert diagnostics.measure(model)["health/diversity"].item() == pytest.approx(0, abs=1e-5)


def test_without_held_out_images_the_rest_is_measured() -> None:
    class OnlyTraining(TinyImages):
        def load(self, split: str) -> tuple[Tensor, Tensor]:
            if split == "test":
                raise UserError("data.test_fraction=0.0 keeps no image for testing")
            return super().load(split)

    diagnostics, model = tiny(OnlyTraining())
    assert diagnostics.measure(model).keys() == {"health/diversity", "health/distance"}


class DatasetClassifier(TinyImages):
    """Says that it is MNIST."""

    def describe(self) -> dict[str, object]:
        return {"name": "MNIST", "substitute": False}


def test_classes_are_counted_where_a_classifier_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    diagnostics, model = tiny(DatasetClassifier())
    assert diagnostics.classifier is None  # a hundred times the cost of the tiny discriminator
    monkeypatch.setattr("gan_lab.callbacks.diagnostics.MAX_COST", 1e9)
    torch.set_rng_state(before)
    diagnostics = Diagnostics(diagnostics.data, model, count=32, classified_images=8, seed=0)
    measured = diagnostics.measure(model)
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(diagnostics.classifier, dataset_classifier.DatasetClassifier)
    assert sum(measured[f"health/share/{label}"].item() for label in range(10)) == pytest.approx(1)
    assert Diagnostics(diagnostics.data, model, count=32, classified_images=0, seed=0).classifier is None


@pytest.mark.bits
def test_measuring_draws_nothing_from_the_global_generator_and_repeats_itself() -> None:
    diagnostics, model = tiny()
    before = torch.get_rng_state()
    first, again = diagnostics.measure(model), diagnostics.measure(model)
    assert torch.equal(torch.get_rng_state(), before)
    assert first == again
