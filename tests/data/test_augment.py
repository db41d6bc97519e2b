import pytest
import torch

from gan_lab.data.augment import DRAWS, Augmentation, augmentation, jittered

PIXELS = torch.arange(2 * 3 * 5 * 5, dtype=torch.uint8).reshape(2, 3, 5, 5)


def draws(*values: float) -> torch.Tensor:
    return torch.tensor([values + (0.5,) * (DRAWS - len(values))] * 2)


def test_a_crop_lies_where_the_draws_say_and_is_mirrored_below_a_half() -> None:
    crop = Augmentation(3, mirror=True, jitter=None)
    assert torch.equal(crop(PIXELS, draws(0.0, 0.999, 0.7)), PIXELS[:, :, :3, 2:])
    assert torch.equal(crop(PIXELS, draws(0.999, 0.0, 0.2)), PIXELS[:, :, 2:, :3].flip(3))
    assert torch.equal(Augmentation(3, mirror=False, jitter=None)(PIXELS, draws(0.5, 0.5, 0.2)), PIXELS[:, :, 1:4, 1:4])
    each = torch.stack([draws(0.0, 0.0)[0], draws(0.999, 0.999)[0]])
    assert torch.equal(crop(PIXELS, each), torch.stack([PIXELS[0, :, :3, :3], PIXELS[1, :, 2:, 2:]]))


def test_crops_and_images_may_be_oblong() -> None:
    tall = torch.arange(2 * 3 * 6 * 4, dtype=torch.uint8).reshape(2, 3, 6, 4)
    crop = Augmentation((5, 2), mirror=True, jitter=None)
    assert torch.equal(crop(tall, draws(0.0, 0.999, 0.7)), tall[:, :, :5, 2:])
    assert torch.equal(crop(tall, draws(0.999, 0.0, 0.2)), tall[:, :, 1:, :2].flip(3))
    assert augmentation((8, 4), load_size=(8, 5), mirror=False, jitter=None)
    assert augmentation((8, 4), load_size=(8, 4), mirror=False, jitter=None) is None
    message = r"data\.load_size=\[9,3\] is smaller than the crops, data\.image_size=\[8,4\]"
    with pytest.raises(ValueError, match=message):
        augmentation((8, 4), load_size=(9, 3), mirror=False, jitter=None)


def test_every_crop_is_as_likely_as_any_other() -> None:
    augment = Augmentation(3, mirror=True, jitter=None)
    picture = torch.arange(25, dtype=torch.uint8).reshape(1, 1, 5, 5).expand(9000, 1, 5, 5)
    crops = augment(picture, augment.draws(9000, seed=0, epoch=0))
    _, counts = crops[:, 0, 0].unique(dim=0, return_counts=True)
    assert len(counts) == 18
    assert counts.min() > 400


def test_draws_are_functions_of_seed_epoch_and_index_alone() -> None:
    augment = Augmentation(3, mirror=True, jitter=None)
    known = augment.draws(1000, seed=1, epoch=2)
    assert torch.equal(known, augment.draws(1000, seed=1, epoch=2))
    assert torch.equal(known[:7], augment.draws(7, seed=1, epoch=2)), "however many images there are"
    assert not (known == augment.draws(1000, seed=1, epoch=3)).any(1).all()
    assert not (known == augment.draws(1000, seed=2, epoch=2)).any(1).all()


def test_jitter_changes_brightness_contrast_and_saturation() -> None:
    def factors(*values: float) -> list[torch.Tensor]:
        return list(torch.tensor(values, dtype=torch.float).reshape(3, 1, 1, 1, 1))

    pixels = torch.tensor([[100, 20], [200, 0]], dtype=torch.uint8).reshape(1, 1, 2, 2)
    assert torch.equal(jittered(pixels, *factors(1, 1, 1)), pixels)
    assert jittered(pixels, *factors(1.5, 1, 1)).flatten().tolist() == [150, 30, 255, 0]
    assert jittered(pixels, *factors(1, 0.5, 1)).flatten().tolist() == [90, 50, 140, 40]  # the mean is 80
    assert torch.equal(jittered(pixels, *factors(1, 1, 0.2)), pixels), "grey has no saturation"
    red = torch.tensor([200, 0, 0], dtype=torch.uint8).reshape(1, 3, 1, 1)
    assert jittered(red, *factors(1, 1, 0.5)).flatten().tolist() == [130, 30, 30]  # halfway to a grey of 59.8


def test_jitter_takes_its_strengths_as_the_largest_changes() -> None:
    bright = Augmentation(5, mirror=False, jitter=(0.25, 0.0, 0.0))
    grey = torch.full((2, 1, 5, 5), 100, dtype=torch.uint8)
    assert bright(grey, draws(0, 0, 0, 0.0)).unique().tolist() == [75]
    assert bright(grey, draws(0, 0, 0, 1.0)).unique().tolist() == [125]


def test_nothing_asked_for_is_no_augmentation() -> None:
    assert augmentation(8, load_size=None, mirror=False, jitter=None) is None
    assert augmentation(8, load_size=8, mirror=False, jitter=(0.0, 0.0, 0.0)) is None
    for options in ({"load_size": 9}, {"mirror": True}, {"jitter": (0.0, 0.0, 0.1)}):
        assert augmentation(8, **{"load_size": None, "mirror": False, "jitter": None} | options)
    with pytest.raises(ValueError, match=r"data\.load_size=7 is smaller than the crops, data\.image_size=8"):
        augmentation(8, load_size=7, mirror=False, jitter=None)
