import pytest
import torch

from gan_lab.data.chosen import ChosenImages
from gan_lab.utils import hashes
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError

OPTIONS = {"image_size": 8, "channels": 1, "num_classes": 2, "validation_count": 0, "batch_size": 2, "seed": 0}
CHOSEN = LabelledImages(torch.arange(4 * 36).byte().view(4, 1, 6, 6), torch.tensor([0, 1, 0, 1]))


def test_the_images_are_trained_on_and_named_by_their_hash() -> None:
    data = ChosenImages(**OPTIONS).hand_over(CHOSEN, "MNIST_chosen")
    data.setup("fit")
    assert torch.equal(data.splits["train"].images[..., 1:7, 1:7], CHOSEN.images)
    known = data.identity()
    assert known["name"] == "MNIST_chosen"
    assert known["train_images"] == 4
    assert known["train_sha256"] == hashes.of_tensors(*CHOSEN)


def test_there_is_no_test_split_and_nothing_without_images() -> None:
    with pytest.raises(UserError, match="chosen by gan-lab augment"):
        ChosenImages(**OPTIONS).hand_over(CHOSEN, "x").setup("test")
    with pytest.raises(UserError, match="chosen by gan-lab augment"):
        ChosenImages(**OPTIONS).setup("fit")
