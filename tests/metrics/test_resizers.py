import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.metrics import resizers
from gan_lab.metrics.resizers import bicubic, pillow_bytes, pillow_float, taps, where_exact

SIZES = [(32, 32, 299), (28, 28, 224), (64, 48, 224), (300, 300, 224), (512, 500, 299), (224, 224, 224), (17, 299, 299)]


def noise(height: int, width: int) -> np.ndarray:
    drawn: np.ndarray = np.random.default_rng(0).integers(0, 256, (2, 3, height, width), dtype=np.uint8)
    return drawn


@pytest.mark.bits
@pytest.mark.parametrize(("height", "width", "size"), SIZES)
def test_floats_are_resized_as_pillow_does_to_the_last_bit(height: int, width: int, size: int) -> None:
    images = noise(height, width)
    expected = [
        [
            np.asarray(Image.fromarray(channel.astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC)).clip(
                0, 255
            )
            for channel in image
        ]
        for image in images
    ]
    assert np.array_equal(pillow_float(torch.from_numpy(images), size).numpy(), np.stack(expected))


@pytest.mark.bits
@pytest.mark.parametrize(("height", "width", "size"), SIZES)
def test_bytes_are_resized_as_pillow_does_to_the_last_bit(height: int, width: int, size: int) -> None:
    images = noise(height, width)
    expected = [
        np.asarray(Image.fromarray(image.transpose(1, 2, 0)).resize((size, size), Image.Resampling.BICUBIC))
        for image in images
    ]
    found = pillow_bytes(torch.from_numpy(images), size)
    assert found.dtype == torch.uint8
    assert np.array_equal(found.numpy(), np.stack(expected).transpose(0, 3, 1, 2))


@pytest.mark.bits
@pytest.mark.parametrize("size", [(32, 32), (300, 250), (598, 598)])
def test_tensorflows_resize_is_torch_fidelitys(size: tuple[int, int]) -> None:
    """The one of torchmetrics' network, which the extractor runs: the same function, with the same bits."""
    import torchmetrics.image.fid
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x as theirs

    pixels = torch.from_numpy(noise(*size)).float()
    ours = torchmetrics.image.fid.interpolate_bilinear_2d_like_tensorflow1x
    assert torch.equal(ours(pixels, (299, 299), align_corners=False), theirs(pixels, (299, 299), align_corners=False))
    down = torch.arange(299, dtype=torch.float64) * size[0] / 299
    right = torch.arange(299, dtype=torch.float64) * size[1] / 299
    rows, columns = down.long(), right.long()
    below, beside = (rows + 1).clamp(max=size[0] - 1), (columns + 1).clamp(max=size[1] - 1)
    y, x = (down - rows)[:, None], right - columns
    exact = pixels.double()
    by_hand = (
        exact[..., rows[:, None], columns] * (1 - y) * (1 - x)
        + exact[..., below[:, None], columns] * y * (1 - x)
        + exact[..., rows[:, None], beside] * (1 - y) * x
        + exact[..., below[:, None], beside] * y * x
    )
    assert torch.allclose(theirs(pixels, (299, 299), align_corners=False).double(), by_hand, atol=0.02)


def test_the_filter_by_hand() -> None:
    """Keys' cubic: 1 in the middle, 0 at whole pixels, 9/16 half way to the next one, -1/16 beyond it."""
    assert [bicubic(x) for x in (0, 0.5, -0.5, 1, 1.5, 2, 3)] == pytest.approx([1, 9 / 16, 9 / 16, 0, -1 / 16, 0, 0])


def test_weights_add_up_to_one_and_keep_what_is_even() -> None:
    for before, after in ((10, 3), (3, 10), (7, 7)):
        assert torch.allclose(taps(before, after)[1].sum(1), torch.ones(after, dtype=torch.float64))
    even = torch.full((1, 1, 9, 9), 77, dtype=torch.uint8)
    assert torch.equal(pillow_bytes(even, 20), torch.full((1, 1, 20, 20), 77, dtype=torch.uint8))
    assert torch.allclose(pillow_float(even, 20), torch.full((1, 1, 20, 20), 77.0))


def test_images_stay_where_they_are_unless_there_is_no_float64() -> None:
    images = torch.zeros(1, 1, 2, 2)
    assert where_exact(images) is images
    assert resizers.PRECISION == 22
