import pytest
import torch

from gan_lab.usefulness import classical


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def still(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TURN", "ZOOM", "SHEAR", "CROP"):
        monkeypatch.setattr(classical, name, 0.0)


def test_images_change_but_keep_shape_and_range() -> None:
    images = torch.rand(6, 3, 12, 12, generator=generator())
    found = classical.augmented(images, generator(1), mirror=False)
    assert found.shape == images.shape
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1 + 1e-6
    assert float((found - images).abs().mean()) > 0.05
    assert torch.equal(found, classical.augmented(images, generator(1), mirror=False))


def test_nothing_moves_where_all_strengths_are_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    still(monkeypatch)
    images = torch.rand(4, 1, 8, 8, generator=generator())
    assert torch.allclose(classical.augmented(images, generator(), mirror=False), images, atol=1e-5)


def test_half_of_the_images_are_mirrored_only_if_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    still(monkeypatch)
    images = torch.rand(64, 1, 8, 8, generator=generator())
    found = classical.augmented(images, generator(), mirror=True)
    same = [torch.allclose(one, other, atol=1e-5) for one, other in zip(found, images, strict=True)]
    turned = [torch.allclose(one, other.flip(2), atol=1e-5) for one, other in zip(found, images, strict=True)]
    assert all(one != other for one, other in zip(same, turned, strict=True))
    assert 16 < sum(turned) < 48


def test_a_crop_moves_a_dot_by_a_tenth_of_the_side_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TURN", "ZOOM", "SHEAR"):
        monkeypatch.setattr(classical, name, 0.0)
    images = torch.zeros(50, 1, 20, 20)
    images[:, :, 10, 10] = 1
    along = torch.arange(20.0)
    found = classical.augmented(images, generator(), mirror=False)
    places = (found.sum((1, 2)) * along).sum(1) / found.sum((1, 2, 3))
    assert float((places - 10).abs().max()) <= 2.01
    assert float((places - 10).abs().max()) > 1
