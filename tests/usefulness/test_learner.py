import pytest
import torch
from torch import Tensor, nn

from gan_lab.usefulness import learner
from gan_lab.usefulness.learner import Recipe, batches, measure, probabilities, spread, train

CPU = torch.device("cpu")


def two_classes(count: int = 64, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images of 8x8 pixels, dark on the left or on the right."""
    labels = torch.arange(count) % 2
    noise = torch.randint(0, 100, (count, 1, 8, 8), generator=torch.Generator().manual_seed(seed))
    side = (torch.arange(8) // 4)[None, :] == labels[:, None]
    return (noise + 150 * side[:, None, None, :]).byte(), labels


def test_it_learns_in_so_many_steps_and_does_the_same_again() -> None:
    recipe = Recipe(steps=30, batch_size=16)
    images, labels = two_classes()
    model = train(images, labels, recipe, num_classes=2, seed=1, device=CPU)
    assert not model.training
    found = measure(model, *two_classes(seed=5), corrupted=10, num_classes=2)
    assert found.accuracy > 0.9
    assert found.recall == pytest.approx([found.accuracy] * 2, abs=0.2)
    assert set(found.corrupted) == {"noise", "blur", "shift", "contrast"}
    again = train(images, labels, recipe, num_classes=2, seed=1, device=CPU)
    assert torch.allclose(model.last.weight, again.last.weight, atol=1e-4)


def test_every_set_of_images_gets_the_same_number_of_steps_and_sees_each_image_as_often() -> None:
    for count in (3, 10, 100):
        drawn = list(batches(count, Recipe(steps=10, batch_size=7), seed=1))
        assert [len(one) for one in drawn] == [7] * 10
        often = torch.cat(drawn).bincount(minlength=count)
        assert int(often.max()) - int(often.min()) <= 1


def test_augmentation_changes_what_is_learned() -> None:
    images, labels = two_classes()
    plain, moved = (
        train(images, labels, Recipe(5, 16, augment), num_classes=2, seed=1, device=CPU) for augment in (False, True)
    )
    assert float((plain.last.weight - moved.last.weight).abs().max().detach()) > 1e-4


def test_the_random_numbers_of_others_stay() -> None:
    before = torch.get_rng_state()
    train(*two_classes(), Recipe(2, 4, augment=True), num_classes=2, seed=1, device=CPU)
    assert torch.equal(torch.get_rng_state(), before)


class Left(nn.Module):
    """Takes each image for class 0 with a probability of 3/4."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([3.0, 1.0]).log())

    def forward(self, images: Tensor) -> Tensor:
        return self.bias.repeat(len(images), 1)


def test_measures_of_a_known_classifier() -> None:
    images, _ = two_classes(4)
    labels = torch.tensor([0, 0, 0, 1])
    model: nn.Module = Left()
    assert probabilities(model, images.float())[0].tolist() == pytest.approx([0.75, 0.25])  # type: ignore[arg-type]
    found = measure(model, images, labels, corrupted=2, num_classes=3)  # type: ignore[arg-type]
    assert found.accuracy == 0.75
    assert found.recall == [1, 0, 0]  # nothing is known of a class without test images
    assert found.calibration_error == pytest.approx(0, abs=1e-6)
    assert found.corrupted == {"noise": 1, "blur": 1, "shift": 1, "contrast": 1}  # of the images 0 and 2


def test_a_part_is_spread_over_all() -> None:
    assert spread(10, 3).tolist() == [0, 3, 6]
    assert spread(2, 3).tolist() == [0, 1]
    assert spread(0, 3).tolist() == []
    assert learner.RECIPE >= 1
