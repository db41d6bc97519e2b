"""The ways in which digits are turned are told apart, and counted."""

import torch

from benchmarks import leaks


def test_an_image_comes_in_every_way_with_its_number() -> None:
    corner = torch.zeros(1, 1, 2, 2, dtype=torch.uint8)
    corner[0, 0, 0] = torch.tensor([7, 8])  # 78 above 00
    images, ways = leaks.turned(corner)
    assert ways.tolist() == [0, 1, 2, 3, 4]
    assert [image.flatten().tolist() for image in images] == [
        [7, 8, 0, 0],
        [8, 7, 0, 0],
        [8, 0, 7, 0],  # a quarter left: the top right corner comes to the top left
        [0, 0, 8, 7],
        [0, 7, 0, 8],
    ]


def test_shares_are_of_all_images() -> None:
    assert leaks.shares(torch.tensor([0, 0, 4, 1])) == [0.5, 0.25, 0.0, 0.0, 0.25]


def test_a_row_has_a_share_for_each_way() -> None:
    assert leaks.line("test", torch.tensor([0, 0, 0, 2])) == "| test | 75.0% | 0.0% | 25.0% | 0.0% | 0.0% |"
