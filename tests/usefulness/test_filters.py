import torch
from torch import Tensor, nn

from gan_lab.usefulness.copies import Copies
from gan_lab.usefulness.filters import all_kept, kept


class Greys:
    """Draws grey images, the i-th of which has the value 10 i; the discriminator prefers odd ones."""

    def of_class(self, label: int, count: int) -> Tensor:
        return (10 * torch.arange(count) + label).byte()[:, None, None, None].repeat(1, 1, 4, 4)

    def logits(self, drawn: Tensor, label: int) -> Tensor:
        return (drawn[:, 0, 0, 0] // 10 % 2).double()

    def without_border(self, drawn: Tensor) -> Tensor:
        return drawn[..., 1:3, 1:3]


class Dark(nn.Module):
    """Takes dark images for class 1."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        dark = -images.mean((1, 2, 3))
        return torch.stack((-dark, dark), 1)


SOURCE = Greys()
REAL = torch.tensor([0, 3, 20, 23, 40, 90], dtype=torch.uint8)[:, None, None, None].repeat(1, 1, 2, 2)
COPIES = Copies(REAL)


def values(images: Tensor) -> list[int]:
    assert images.shape[1:] == (1, 2, 2)
    found: list[int] = images[:, 0, 0, 0].tolist()
    return found


def test_without_a_filter_images_come_as_they_are_drawn() -> None:
    assert values(kept(SOURCE, 0, 4, "none", None, COPIES)) == [0, 10, 20, 30]


def test_the_discriminator_keeps_the_half_that_it_takes_for_real() -> None:
    assert values(kept(SOURCE, 0, 4, "discriminator", None, COPIES)) == [10, 30, 50, 70]


def test_a_classifier_keeps_the_half_that_it_is_surer_of() -> None:
    classifier: nn.Module = Dark()
    assert values(kept(SOURCE, 1, 3, "confidence", classifier, COPIES)) == [1, 11, 21]  # type: ignore[arg-type]
    assert values(kept(SOURCE, 0, 3, "confidence", classifier, COPIES)) == [30, 40, 50]  # type: ignore[arg-type]


def test_copies_of_real_images_are_left_out() -> None:
    assert values(kept(SOURCE, 0, 3, "neighbours", None, COPIES)) == [10, 30, 50]
    assert values(kept(SOURCE, 0, 2, "neighbours", None, COPIES)) == [10, 30]
    assert values(kept(SOURCE, 0, 1, "neighbours", None, COPIES)) == [10]


def test_all_classes_with_their_labels() -> None:
    images, labels = all_kept(SOURCE, [2, 0, 1], "none", None, COPIES)
    assert values(images) == [0, 10, 2]
    assert labels.tolist() == [0, 0, 2]
    assert all_kept(SOURCE, [0, 0], "discriminator", None, COPIES)[0].shape == (0, 1, 2, 2)
