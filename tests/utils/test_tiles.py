import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.utils import tiles


def picture(height: int, width: int, channels: int = 3) -> Tensor:
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(0))


def test_an_image_is_padded_by_reflection_and_the_result_is_cut_to_the_bit() -> None:
    network = nn.Conv2d(3, 2, 3, padding=1)
    image = picture(13, 22)[None]
    expected = network(F.pad(image, (1, 1, 1, 2), mode="reflect"))[:, :, 1:14, 1:23]
    assert torch.equal(tiles.fitted(network, image, 8), expected)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40), (16, 8), (17, 5)])
def test_every_size_comes_out_as_it_was(size: tuple[int, int]) -> None:
    seen = []

    def network(images: Tensor) -> Tensor:
        seen.append(images.shape[-2:])
        return images

    image = picture(*size)[None]
    assert torch.equal(tiles.fitted(network, image, 8, 16), image)
    assert all(side % 8 == 0 and side >= 16 for side in seen[0])


def test_a_short_side_is_reflected_again_and_again() -> None:
    image = torch.tensor([[[[1, 2, 3]]]])
    seen = []
    tiles.fitted(lambda images: seen.append(images) or images, image, 11)  # type: ignore[func-returns-value]
    assert seen[0][0, 0, 0].tolist() == [1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]


@pytest.mark.parametrize(("tile", "overlap"), [(8, 0), (8, 2), (8, 7), (16, 9), (100, 5)])
def test_what_leaves_pixels_alone_leaves_the_image_alone(tile: int, overlap: int) -> None:
    image = picture(37, 50)
    rows = list(tiles.stripes(lambda part: part, image, tile, overlap, at_once=3))
    assert torch.allclose(torch.cat(rows, 1), image, atol=1e-6)
    assert max(row.shape[1] for row in rows) <= tile


def test_tiles_are_as_large_and_overlap_as_much_as_asked_and_few_at_once() -> None:
    sizes = []
    list(tiles.stripes(lambda part: sizes.append(part.shape) or part, picture(20, 26), 8, 2, 3))  # type: ignore[func-returns-value]
    assert [shape[0] for shape in sizes] == [3, 1] * 3
    assert {tuple(shape[1:]) for shape in sizes} == {(3, 8, 8)}


def test_tiles_that_differ_fade_into_each_other() -> None:
    """Each tile has a grey of its own; without ramps neighbours would differ by up to 1."""
    greys = iter(torch.rand(99, generator=torch.Generator().manual_seed(1)))

    def one_grey(part: Tensor) -> Tensor:
        return torch.ones(len(part), 1, *part.shape[-2:]) * next(greys)

    result = torch.cat(list(tiles.stripes(one_grey, picture(100, 120), 32, 16)), 1)
    assert result.shape == (1, 100, 120)
    assert result.diff(dim=1).abs().max() < 1 / 16
    assert result.diff(dim=2).abs().max() < 1 / 16
    assert result.std() > 0.1


def test_tiles_of_a_local_network_equal_the_whole_away_from_their_edges() -> None:
    network = nn.Conv2d(3, 1, 3, padding=1)
    image = picture(40, 40)
    with torch.no_grad():
        whole = network(image[None])[0]
        tiled = torch.cat(list(tiles.stripes(network, image, 32, 16)), 1)
    assert torch.allclose(whole[:, 1:7, 1:7], tiled[:, 1:7, 1:7], atol=1e-6)
    assert (whole - tiled).abs().max() < 0.2
