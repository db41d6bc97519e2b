import pytest
import torch

from gan_lab.usefulness import copies
from gan_lab.usefulness.copies import LEAST, Copies, reduced


def images(count: int, seed: int = 0, side: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 1, side, side), dtype=torch.uint8, generator=generator)


def test_copies_are_found_in_spite_of_a_little_noise_and_others_are_none() -> None:
    known = images(40)
    noisy = known.float().add(3).clamp(0, 255).byte()
    found = Copies(known)
    assert found.share(known[:10]) == 1
    assert found.share(noisy) == 1
    assert found.share(images(40, seed=1)) < 0.2
    assert found.are(torch.cat((known[:1], 255 - known[:1]))).tolist() == [True, False]


def test_the_limit_is_the_distance_that_one_in_a_hundred_real_images_keeps() -> None:
    # Grey images of 0, 30, 90 and 210 on 2x2 pixels: nearest distances 30, 30, 60, 120 of 255, twice that in 4 pixels.
    known = torch.tensor([0, 30, 90, 210], dtype=torch.uint8)[:, None, None, None].repeat(1, 1, 2, 2)
    assert Copies(known).limit == pytest.approx(60 / 255, abs=1e-5)
    assert Copies(known).distances(known.add(15)[:1]).tolist() == pytest.approx([30 / 255], abs=1e-5)


def test_duplicates_among_real_images_leave_exact_copies_to_be_found() -> None:
    known = images(4).repeat(2, 1, 1, 1)
    assert Copies(known).limit == LEAST
    assert Copies(known).share(known) == 1


def test_large_images_are_reduced() -> None:
    assert reduced(images(2, side=64)).shape == (2, copies.SIDE**2)
    assert reduced(images(2, side=8)).shape == (2, 64)
