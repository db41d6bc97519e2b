import pytest
import torch

from gan_lab.data.augment import Augmentation
from gan_lab.data.in_memory import EpochLoader
from gan_lab.data.paired import PairedDataModule
from gan_lab.utils.batches import LabelledImages, Pairs
from gan_lab.utils.errors import UserError
from tests.conftest import SIZE, fit, tiny_gan
from tests.data.test_unpaired import numbered


class Numbers(PairedDataModule):
    """Pairs of an image of one value in three channels, and of that value plus 100 in one channel."""

    def __init__(self, batch_size: int = 4, seed: int = 0, has_test: bool = True) -> None:
        super().__init__(image_size=SIZE, channels=1, batch_size=batch_size, seed=seed)
        self.source_channels = 3
        self.has_test = has_test

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        if split == "test" and not self.has_test:
            raise UserError("no test images")
        count = 50 if split == "train" else 10
        labels = torch.arange(count) % 3
        return LabelledImages(numbered(0, count).repeat(1, 3, 1, 1), labels), LabelledImages(
            numbered(100, count), labels
        )

    def describe(self) -> dict[str, object]:
        return {"name": "numbers", "substitute": False, **self._counts()}


def loader(rank: int = 0, world_size: int = 1, position: int = 0, **options: int) -> EpochLoader[Pairs]:
    data = Numbers(**options)
    data.setup("fit")
    whole = data.train_dataloader()
    whole.rank, whole.world_size, whole.position = rank, world_size, lambda: position
    return whole


def numbers(batch: Pairs) -> list[int]:
    source, target = (part[:, 0, 0, 0].tolist() for part in batch)
    assert [value + 100 for value in source] == target, "these are no pairs"
    return source


def test_an_epoch_shows_every_pair_at_most_once_in_a_seeded_order() -> None:
    epoch = list(map(numbers, loader()))
    assert len(epoch) == 12
    assert len({number for batch in epoch for number in batch}) == 48
    assert epoch == list(map(numbers, loader()))
    assert epoch != list(map(numbers, loader(seed=1)))
    assert epoch != list(map(numbers, loader(position=12)))
    assert list(map(numbers, loader(position=5)))[:7] == epoch[5:]


def test_ranks_share_each_global_batch() -> None:
    one, two = loader(batch_size=8), [loader(batch_size=4, rank=rank, world_size=2) for rank in range(2)]
    for step in range(15):
        assert [n for part in two for n in numbers(part.batch(step))] == numbers(one.batch(step))


def test_both_images_of_a_pair_are_augmented_alike_by_epoch_and_index() -> None:
    values = torch.arange(20 * 36, dtype=torch.uint8).reshape(20, 1, 6, 6)
    options = {"seed": 3, "augmentation": Augmentation(4, mirror=True, jitter=(0.2, 0.2, 0.2))}
    one = EpochLoader(Pairs(values, values), batch_size=10, **options)
    two = [EpochLoader(Pairs(values, values), batch_size=5, rank=rank, world_size=2, **options) for rank in range(2)]
    for step in range(6):
        source, target = one.batch(step)
        assert source.shape == (10, 1, 4, 4)
        assert torch.equal(source, target)
        assert torch.equal(source, torch.cat([part.batch(step).source for part in two]))
    assert not torch.equal(one.batch(0).source.sum((1, 2, 3)).sort()[0], one.batch(2).source.sum((1, 2, 3)).sort()[0])


def test_a_preview_shows_held_out_pairs_and_training_pairs_where_there_are_none() -> None:
    data = Numbers()
    data.setup("fit")
    assert numbers(data.preview(3)) == [0, 1, 2]
    assert len(data.preview(100).source) == 10, "the test split's"
    data = Numbers(has_test=False)
    data.image_size, data.load_size = (SIZE - 2, SIZE - 2), (SIZE, SIZE)
    data.setup("fit")
    assert data.preview(100).source.shape == (50, 3, SIZE - 2, SIZE - 2), "crops of the middle"


def test_the_test_pairs_come_once_with_their_labels() -> None:
    data = Numbers()
    data.setup("test")
    assert [number for batch in data.test_dataloader() for number in numbers(batch)] == list(range(10))
    (_, labels), (_, same) = data.splits[data.eval_split]
    assert labels.tolist() == same.tolist() == [0, 1, 2] * 3 + [0]
    assert data.describe()["test_images"] == 10


def test_the_model_sees_both_sides_normalised_and_in_the_form_of_the_example() -> None:
    seen: list[Pairs] = []
    model = tiny_gan()
    model.unpack_batch = lambda batch: seen.append(batch) or (batch.target, ())
    data = Numbers(batch_size=2)
    fit(model, data, max_steps=3)
    assert [type(batch) for batch in seen] == [Pairs] * 3
    expected = data.train_dataloader()
    for step, batch in enumerate(seen):
        for part, pixels, zeros in zip(batch, expected.batch(step), data.example(), strict=True):
            torch.testing.assert_close(part, pixels.float() / 127.5 - 1)
            assert (part.shape, part.dtype) == (zeros.shape, zeros.dtype)


def test_a_batch_larger_than_the_dataset_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.batch_size=60 .* more than the 50 training images of the source"):
        Numbers(batch_size=60).setup("fit")
