from pathlib import Path

import torch

from gan_lab.evaluation.datasets import dataset_by_name
from gan_lab.evaluation.memorisation import NEIGHBOURS, picture
from gan_lab.metrics.select_extractor import make_extractor


def test_a_copy_stands_beside_its_original(few_digits: Path) -> None:
    real = dataset_by_name("mnist", str(few_digits))
    copies = real.load("train")[0][[3, 200]]
    drawn = picture(copies, real, make_extractor("auto", real))
    cell = 28 + 2
    assert drawn.dtype == torch.uint8
    assert drawn.shape == (3, 2 * cell + 2, (1 + NEIGHBOURS) * cell + 2)
    for row, copy in enumerate(copies):
        tiles = [drawn[0, row * cell + 2 : (row + 1) * cell, i * cell + 2 : (i + 1) * cell] for i in range(6)]
        assert torch.equal(tiles[0], copy[0])
        assert torch.equal(tiles[1], copy[0])
        assert not torch.equal(tiles[2], copy[0])
