import pytest
import torch

from gan_lab.data.in_memory import EpochLoader
from gan_lab.data.unpaired import UnpairedDataModule, UnpairedLoader
from gan_lab.utils.batches import LabelledImages, TwoDomains
from gan_lab.utils.errors import UserError
from tests.conftest import SIZE, fit, tiny_gan

COUNTS = (50, 20)


def numbered(first: int, count: int) -> torch.Tensor:
    values = torch.arange(first, first + count, dtype=torch.uint8)
    return values.reshape(-1, 1, 1, 1).repeat(1, 1, SIZE, SIZE)


class Numbers(UnpairedDataModule):
    """Images that are all of one value: their number in their domain; the second domain's count from 100."""

    def __init__(
        self, counts: tuple[int, int] = COUNTS, batch_size: int = 4, seed: int = 0, has_test: bool = True
    ) -> None:
        super().__init__(image_size=SIZE, channels=1, batch_size=batch_size, seed=seed)
        self.counts = counts
        self.has_test = has_test

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        a, b = (count + 5 * (split == "test") for count in self.counts)
        if split == "test" and not self.has_test:
            raise UserError("no test images")
        domain_a = LabelledImages(numbered(0, a), torch.zeros(a, dtype=torch.long))
        return domain_a, LabelledImages(numbered(100, b), torch.ones(b, dtype=torch.long))

    def describe(self) -> dict[str, object]:
        return {"name": "numbers", "substitute": False, **self._counts()}


def loader(batch_size: int = 4, seed: int = 0, rank: int = 0, world_size: int = 1, position: int = 0) -> UnpairedLoader:
    data = Numbers(batch_size=batch_size, seed=seed)
    data.setup("fit")
    whole = data.train_dataloader()
    for part in (whole.a, whole.b):
        part.rank, part.world_size = rank, world_size
    whole.position = lambda: position
    return whole


def numbers(batch: TwoDomains) -> tuple[list[int], list[int]]:
    a, b = (part[:, 0, 0, 0].tolist() for part in batch)
    return a, b


def test_an_epoch_is_as_long_as_the_larger_domain_and_the_smaller_one_begins_anew() -> None:
    assert len(loader()) == 12
    a, b = zip(*map(numbers, loader()), strict=True)
    assert len({number for batch in a for number in batch}) == 48
    rounds = [sorted(number for batch in b[start : start + 5] for number in batch) for start in (0, 5)]
    assert rounds == [list(range(100, 120))] * 2
    assert b[:5] != b[5:10]


def test_the_orders_are_functions_of_seed_and_domain() -> None:
    epoch = list(map(numbers, loader()))
    assert epoch == list(map(numbers, loader()))
    other = list(map(numbers, loader(seed=1)))
    assert all(mine[0] != theirs[0] and mine[1] != theirs[1] for mine, theirs in zip(epoch, other, strict=True))
    data = Numbers(counts=(20, 20))
    data.setup("fit")
    a, b = zip(*map(numbers, data.train_dataloader()), strict=True)
    assert [number + 100 for batch in a for number in batch] != [number for batch in b for number in batch]


@pytest.mark.parametrize("step", [1, 5, 12, 31])
def test_iterating_starts_where_training_stands(step: int) -> None:
    asked = loader()
    expected = [numbers(asked.batch(later)) for later in range(step, step + 12)]
    assert list(map(numbers, loader(position=step))) == expected


def test_ranks_share_each_global_batch_without_overlap() -> None:
    one = loader(batch_size=8)
    two = [loader(batch_size=4, rank=rank, world_size=2) for rank in range(2)]
    assert len(one) == len(two[0]) == 6
    for step in range(15):
        parts = [numbers(part.batch(step)) for part in two]
        for domain in range(2):
            assert parts[0][domain] + parts[1][domain] == numbers(one.batch(step))[domain]
            assert not set(parts[0][domain]) & set(parts[1][domain])


@pytest.mark.parametrize(("counts", "domain"), [((7, 20), "a"), ((20, 7), "b")])
def test_a_batch_larger_than_a_domain_is_refused(counts: tuple[int, int], domain: str) -> None:
    message = (
        rf"data\.batch_size=8 on 1 process\(es\) is more than the 7 training images of domain {domain}; set it to 7"
    )
    with pytest.raises(UserError, match=message):
        Numbers(counts, batch_size=8).setup("fit")


def test_the_test_splits_go_side_by_side_to_the_end_of_the_shorter() -> None:
    data = Numbers(batch_size=8)
    data.setup("test")
    batches = list(map(numbers, data.test_dataloader()))
    assert len(batches) == len(data.test_dataloader()) == 4
    assert [number for a, _ in batches for number in a] == list(range(25))
    assert [number for _, b in batches for number in b] == list(range(100, 125))
    assert data.splits.keys() == {"test"}


def test_the_model_sees_both_domains_normalised_and_in_the_form_of_the_example() -> None:
    seen: list[TwoDomains] = []
    model = tiny_gan()
    model.unpack_batch = lambda batch: seen.append(batch) or (batch.a, ())
    data = Numbers(batch_size=2)
    fit(model, data, max_steps=3)
    assert [type(batch) for batch in seen] == [TwoDomains] * 3
    expected = data.train_dataloader()
    for step, batch in enumerate(seen):
        for part, pixels, zeros in zip(batch, expected.batch(step), data.example(), strict=True):
            torch.testing.assert_close(part, pixels.float() / 127.5 - 1)
            assert (part.shape, part.dtype) == (zeros.shape, zeros.dtype)
    with torch.device("meta"):
        assert all(part.is_meta for part in data.example())


def test_labels_stay_at_hand_and_both_domains_are_counted() -> None:
    data = Numbers()
    data.setup("fit")
    (_, a), (_, b) = data.splits["train"]
    assert (a.tolist(), b.tolist()) == ([0] * 50, [1] * 20)
    assert data.describe()["train_images"] == {"a": 50, "b": 20}


def test_a_domain_follows_the_same_rule_as_a_dataset_alone() -> None:
    whole = loader()
    alone = EpochLoader(whole.b.dataset, batch_size=4, seed=whole.b.seed)
    assert all(torch.equal(whole.batch(step)[1], alone.batch(step)[0]) for step in range(12))


def test_a_preview_shows_test_images_and_training_images_where_there_are_none() -> None:
    data = Numbers(counts=(10, 20))
    data.setup("fit")
    assert numbers(data.preview(3)) == ([0, 1, 2], [100, 101, 102])
    assert len(data.preview(100).a) == 15, "the test split's"
    data = Numbers(counts=(10, 20), has_test=False)
    data.setup("fit")
    assert len(data.preview(100).a) == 10


def test_pictures_of_any_size_become_what_a_model_translates() -> None:
    pixels = torch.tensor([0, 255], dtype=torch.uint8).reshape(1, 1, 1, 2)
    assert torch.equal(Numbers().to_source(pixels), torch.tensor([[[[-1.0, 1.0]]]]))
