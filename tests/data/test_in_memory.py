from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.data.in_memory import EpochLoader, InMemoryDataModule, SequentialLoader
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from tests.conftest import TinyImages, fit, same, tiny_gan, weights

COUNT = 50
INDEX = torch.arange(COUNT)
IMAGES = INDEX.to(torch.uint8).reshape(COUNT, 1, 1, 1)


def loader(batch_size: int = 8, **options: object) -> EpochLoader[LabelledImages]:
    return EpochLoader(LabelledImages(IMAGES, INDEX), batch_size=batch_size, seed=0, **options)


def indices(batches: object) -> list[list[int]]:
    return [labels.tolist() for _, labels in batches]


def test_an_epoch_shows_every_image_at_most_once_in_full_batches() -> None:
    epoch = indices(loader())
    assert len(epoch) == len(loader()) == 6
    assert {len(batch) for batch in epoch} == {8}
    assert len({index for batch in epoch for index in batch}) == 48


def test_images_and_labels_stay_together() -> None:
    for images, labels in loader():
        assert torch.equal(images.flatten().long(), labels)


def test_the_order_is_a_pure_function_of_seed_and_epoch() -> None:
    assert indices(loader()) == indices(loader())
    epochs = [indices(loader(position=lambda step=step: step)) for step in (0, 6, 12)]
    assert len({str(epoch) for epoch in epochs}) == 3
    other = EpochLoader(LabelledImages(IMAGES, INDEX), batch_size=8, seed=1)
    assert indices(other) != indices(loader())


@pytest.mark.parametrize("step", [1, 5, 6, 9])
def test_iterating_starts_where_training_stands(step: int) -> None:
    endless = indices(loader()) + indices(loader(position=lambda: 6)) + indices(loader(position=lambda: 12))
    assert indices(loader(position=lambda: step)) == endless[step : step + 6]


def test_a_batch_is_a_function_of_its_step_alone() -> None:
    epochs = [images for start in (0, 6, 12) for images, _ in loader(position=lambda start=start: start)]
    asked = loader()
    for step in (0, 17, 5, 6, 5, 0):
        assert torch.equal(asked.batch(step)[0], epochs[step])
        assert torch.equal(loader().batch(step)[0], epochs[step])


def test_ranks_share_each_global_batch_without_overlap() -> None:
    one = indices(loader(batch_size=8))
    two = [indices(loader(batch_size=4, rank=rank, world_size=2)) for rank in range(2)]
    assert [first + second for first, second in zip(*two, strict=True)] == one


def test_sequential_loader_shows_each_image_once_over_all_ranks() -> None:
    dataset = LabelledImages(IMAGES, INDEX)
    loaders = [SequentialLoader(dataset, batch_size=8, rank=rank, world_size=3) for rank in range(3)]
    shares = [[index for batch in indices(loader) for index in batch] for loader in loaders]
    assert sorted(index for share in shares for index in share) == list(range(COUNT))
    assert len(SequentialLoader(dataset, batch_size=8)) == 7


def test_a_batch_larger_than_the_dataset_is_refused_by_its_option() -> None:
    with pytest.raises(UserError, match=r"data\.batch_size=65 on 1 process\(es\) is more than the 64 training images"):
        fit(tiny_gan(), TinyImages(batch_size=65), max_steps=1)
    fit(tiny_gan(), TinyImages(batch_size=64), max_steps=1)


def test_labels_beyond_the_classes_are_refused() -> None:
    data = TinyImages()
    data.num_classes = 9
    with pytest.raises(UserError, match=r"data\.num_classes=9, but the train images have labels up to 9; set it to 10"):
        data.setup("fit")


def test_the_example_has_the_form_of_a_batch() -> None:
    data = TinyImages(batch_size=2)
    data.setup("fit")
    batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
    with torch.device("meta"):
        example = data.example()
    for real, zeros in zip(batch, example, strict=True):
        assert (real.shape, real.dtype) == (zeros.shape, zeros.dtype)
        assert zeros.is_meta


def test_the_model_sees_normalised_images() -> None:
    seen: list[torch.Tensor] = []
    model = tiny_gan()
    model.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    data = TinyImages()
    fit(model, data, max_steps=1)
    expected = next(iter(data.train_dataloader()))[0].float() / 127.5 - 1
    torch.testing.assert_close(seen[0].min(), expected.min())
    assert -1 <= seen[0].min() < -0.9
    assert 0.9 < seen[0].max() <= 1


def test_overfitting_shows_the_same_batches_again_and_again() -> None:
    seen: list[torch.Tensor] = []
    model = tiny_gan()
    model.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][:8].clone()))
    fit(model, max_steps=6, overfit_batches=2)
    batches = seen[::2]  # the discriminator's turns
    assert len({tuple(batch.flatten().tolist()) for batch in batches}) == 2
    assert torch.equal(batches[0], batches[2])


def test_splits_are_loaded_once() -> None:
    data = TinyImages()
    data.setup("fit")
    first = data.splits["train"][0]
    data.setup("fit")
    assert data.splits["train"][0] is first
    assert data.splits.keys() == {"train"}
    data.setup("test")
    assert sum(len(labels) for _, labels in data.test_dataloader()) == 64


def test_held_out_images_are_not_trained_on_and_stand_in_for_the_test_split() -> None:
    data = TinyImages(validation_count=20)
    assert (data.eval_split, TinyImages().eval_split) == ("validation", "test")
    data.setup("fit")
    assert data.splits.keys() == {"train", "validation"}
    assert [len(data.splits[split][0]) for split in ("train", "validation")] == [44, 20]
    images, labels = data.load("train")
    label_of = {bytes(image.numpy()): label for image, label in zip(images, labels.tolist(), strict=True)}
    parts = {
        split: {bytes(image.numpy()): label for image, label in zip(images, labels.tolist(), strict=True)}
        for split, (images, labels) in data.splits.items()
    }
    assert parts["train"] | parts["validation"] == label_of
    assert not parts["train"].keys() & parts["validation"].keys()
    again = TinyImages(validation_count=20, seed=1)
    again.setup("fit")
    assert torch.equal(again.splits["validation"][0], data.splits["validation"][0]), "whatever the seed of the run"
    data.setup("test")
    assert torch.equal(data.splits["test"][0], data.load("test")[0])


def test_a_train_count_takes_some_images_whatever_the_seed_and_none_that_are_held_out() -> None:
    def pixels(**options: int) -> dict[str, set[bytes]]:
        data = TinyImages(**options)
        data.train_count = 10
        data.setup("fit")
        return {split: {bytes(image.numpy()) for image in images} for split, (images, _) in data.splits.items()}

    few, again, beside = pixels(), pixels(seed=1), pixels(validation_count=20)
    assert few == again
    assert few.keys() == {"train"}
    assert len(few["train"]) == len(beside["train"]) == 10
    assert few["train"] <= {bytes(image.numpy()) for image in TinyImages().load("train")[0]}
    assert len(beside["validation"]) == 20
    assert not beside["train"] & beside["validation"]


def test_more_training_images_than_there_are_is_refused() -> None:
    data = TinyImages(validation_count=20)
    data.train_count = 45
    with pytest.raises(UserError, match=r"^data\.train_count=45: there are only 44 images to train on$"):
        data.setup("fit")


def test_something_must_be_left_to_train_on() -> None:
    with pytest.raises(
        UserError, match=r"data\.validation_count=64 leaves none of the 64 training images for training"
    ):
        TinyImages(validation_count=64).setup("fit")
    with pytest.raises(UserError, match=r"data\.batch_size=8 .* is more than the 4 training images; set it to 4"):
        fit(tiny_gan(), TinyImages(validation_count=60), max_steps=1)


@pytest.mark.parametrize("image_size", [8, 12, 24])
def test_the_size_that_images_had_is_remembered(image_size: int) -> None:
    data = TinyImages()
    data.image_size = (image_size, image_size)
    data.setup("test")
    assert data.splits["test"][0].shape[-1] == image_size
    assert data.native_size == (8, 8)


WIDE = (torch.arange(COUNT, dtype=torch.uint8)[:, None, None, None] * 3 + torch.arange(3, dtype=torch.uint8)).expand(
    COUNT, 1, 2, 3
)


def mirrored(batch_size: int = 8, **options: object) -> EpochLoader[LabelledImages]:
    """Images whose rows rise from left to right, from three times their label on."""
    return EpochLoader(LabelledImages(WIDE, INDEX), batch_size=batch_size, seed=0, mirror=True, **options)


def test_an_epoch_shows_each_image_and_its_mirror_image_once() -> None:
    assert len(mirrored()) == 12
    assert len(mirrored(batch_size=10)) == 10
    shown = set()
    for images, labels in mirrored(batch_size=10):
        for image, label in zip(images, labels.tolist(), strict=True):
            rising = WIDE[label]
            assert torch.equal(image, rising) or torch.equal(image, rising.flip(2))
            shown.add((label, torch.equal(image, rising)))
    assert len(shown) == 2 * COUNT


def test_mirror_images_come_in_a_new_seeded_order_wherever_training_stands() -> None:
    epoch = list(mirrored(position=lambda: 12))
    assert [labels.tolist() for _, labels in epoch] != indices(mirrored())
    later = list(mirrored(position=lambda: 17))
    for (images, labels), (same_images, same_labels) in zip(epoch[5:], later, strict=False):
        assert torch.equal(images, same_images)
        assert torch.equal(labels, same_labels)
    one = [
        torch.cat((first, second))
        for first, second in zip(
            *([images for images, _ in mirrored(batch_size=4, rank=rank, world_size=2)] for rank in range(2)),
            strict=True,
        )
    ]
    assert all(torch.equal(images, whole) for images, (whole, _) in zip(one, mirrored(), strict=True))


@pytest.mark.bits
def test_mirrored_data_double_the_epoch_and_a_resumed_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    trainer = fit(whole := tiny_gan(), TinyImages(mirror=True), max_steps=21)
    assert trainer.num_training_batches == 16
    assert fit(plain := tiny_gan(), TinyImages(), max_steps=21).num_training_batches == 8
    assert not same(weights(plain), weights(whole))
    fit(tiny_gan(), TinyImages(mirror=True), max_steps=10).save_checkpoint(tmp_path / "a.ckpt")
    fit(resumed := tiny_gan(init_seed=5), TinyImages(mirror=True), max_steps=21, ckpt_path=tmp_path / "a.ckpt")
    assert same(weights(resumed), weights(whole))


def test_scores_see_the_images_as_they_are() -> None:
    data, plain = TinyImages(mirror=True, validation_count=20), TinyImages(validation_count=20)
    for each in (data, plain):
        each.setup("fit")
        each.setup("test")
    for split in ("train", "validation", "test"):
        assert torch.equal(data.splits[split][0], plain.splits[split][0])


def test_mirror_images_count_for_the_size_of_a_batch() -> None:
    data = TinyImages(count=6, batch_size=12)
    data.mirror, data.images_of_each = True, 2
    data.setup("fit")
    assert len(data.splits["train"].images) == 6
    data = TinyImages(count=6, batch_size=13)
    data.mirror, data.images_of_each = True, 2
    with pytest.raises(UserError, match="is more than the 12 training images; set it to 12 or less"):
        data.setup("fit")


FEW = torch.tensor([0] * 38 + [1] * 8 + [2] * 4)


def balanced(batch_size: int = 8, **options: Any) -> EpochLoader[LabelledImages]:
    """Images of their own index, in three unbalanced classes."""
    images = INDEX.to(torch.uint8)[:, None, None, None]
    return EpochLoader(LabelledImages(images, FEW), batch_size=batch_size, seed=0, classes=FEW, **options)


def test_balanced_batches_show_each_class_equally_often() -> None:
    batches = list(balanced())
    assert len(batches) == len(balanced()) == 6
    for image, label in ((image, label) for batch in batches for image, label in zip(*batch, strict=True)):
        assert FEW[int(image)] == label
    counts = torch.cat([labels for _, labels in batches]).bincount()
    assert counts.sum() == 48
    assert counts.min() >= 14  # of 17 each: the batches leave three of 51 places over


def test_balanced_batches_are_the_same_after_a_resume_and_on_several_processes() -> None:
    second_epoch = list(balanced(position=lambda: 6))
    later = list(balanced(position=lambda: 9))
    assert all(
        torch.equal(a, b)
        for batch, same in zip(second_epoch[3:], later, strict=False)
        for a, b in zip(batch, same, strict=True)
    )
    shares = [list(balanced(batch_size=4, rank=rank, world_size=2)) for rank in range(2)]
    for whole, *parts in zip(balanced(), *shares, strict=True):
        assert torch.equal(whole.images, torch.cat([part.images for part in parts]))


def test_mirror_images_belong_to_the_classes_of_the_images() -> None:
    labels = torch.cat([labels for _, labels in balanced(batch_size=16, mirror=True)])
    assert len(labels) == 96
    assert labels.bincount().min() >= 28  # of 34


@pytest.mark.bits
def test_a_resumed_run_of_balanced_classes_ends_with_the_same_bits(tmp_path: Path) -> None:
    fit(whole := tiny_gan(), TinyImages(sampler="balanced"), max_steps=21)
    fit(plain := tiny_gan(), TinyImages(), max_steps=21)
    assert not same(weights(plain), weights(whole))
    fit(tiny_gan(), TinyImages(sampler="balanced"), max_steps=10).save_checkpoint(tmp_path / "a.ckpt")
    resumed = tiny_gan(init_seed=5)
    fit(resumed, TinyImages(sampler="balanced"), max_steps=21, ckpt_path=tmp_path / "a.ckpt")
    assert same(weights(resumed), weights(whole))


def test_one_class_cant_be_balanced() -> None:
    with pytest.raises(ValueError, match=r"^data\.sampler=balanced: there is one class only; set data\.num_classes"):
        OneClass()


class OneClass(InMemoryDataModule):
    def __init__(self) -> None:
        size = {"image_size": 8, "channels": 1, "batch_size": 4, "seed": 0}
        super().__init__(num_classes=1, validation_count=0, sampler="balanced", **size)
