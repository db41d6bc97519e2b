from pathlib import Path

import numpy as np
import pytest
import torch

from gan_lab.evaluation.external_images import Found
from gan_lab.evaluation.options import Options
from gan_lab.evaluation.sides import FIRST, Scored, at, collected, of_images, relabelled
from gan_lab.metrics.generated_images import Generated
from gan_lab.utils.errors import UserError

IMAGES = torch.arange(30, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)
LABELS = torch.arange(30)


def chunks() -> list[Generated]:
    return list(zip(torch.split(IMAGES, 7), torch.split(LABELS, 7), strict=True))


@pytest.mark.parametrize("keep", [False, True])
def test_the_first_images_are_kept_or_all(keep: bool) -> None:
    scored = Scored(chunks(), keep=keep)
    assert torch.equal(torch.cat([images for images, _ in scored]), IMAGES)
    assert scored.first is not None
    assert torch.equal(scored.first, IMAGES[:FIRST])
    assert (scored.kept is not None) == keep
    if scored.kept:
        images, labels = scored.kept
        assert torch.equal(images, IMAGES)
        assert labels is not None
        assert torch.equal(labels, LABELS)


def test_as_many_images_are_taken_as_are_asked_for() -> None:
    side = of_images(Found(IMAGES, LABELS), Options(count=12))
    images, labels = collected(side.generated)
    assert side.count == 12
    assert torch.equal(images, IMAGES[:12])
    assert labels is not None
    assert torch.equal(labels, LABELS[:12])
    with pytest.raises(UserError, match="--count 31: only 30 images are given"):
        of_images(Found(IMAGES, LABELS), Options(count=31))


def test_labels_become_those_of_the_other_set_or_none() -> None:
    new = torch.arange(30).flip(0)
    _, labels = collected(relabelled(chunks(), new))
    assert labels is not None
    assert torch.equal(labels, new)
    assert collected(relabelled(chunks(), None))[1] is None
    assert collected(relabelled([(IMAGES, None)], new))[1] is None


def test_a_file_stands_for_its_images(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", IMAGES.numpy())
    side = at(tmp_path / "a.npy", Options(), torch.device("cpu"), seed=0, which="last", ema=True)
    images, labels = collected(side.generated)
    assert torch.equal(images, IMAGES)
    assert (labels, side.run, side.weights, side.images_seen) == (None, None, "given", None)
