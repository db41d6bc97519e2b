from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gan_lab.cli.evaluated import put_pictures, put_statistics, report
from gan_lab.evaluation.evaluate import Evaluation
from gan_lab.evaluation.image_sets import ImageSet
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.utils.errors import UserError
from tests.metrics.test_score_record import PROTOCOL

IMAGES = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
LABELS = torch.tensor([0, 1, 1, 0])


def evaluation(**parts: Any) -> Evaluation:
    record = ScoreRecord(
        images_seen=None,
        values={"fid": 1.25},
        protocol=PROTOCOL,
        per_class={"fid": [2.0, None]},
        class_names=["cat", "leopard"],
    )
    real = ImageSet(IMAGES, LABELS, "others.npz", ["cat", "leopard"])
    return Evaluation(**{"record": record, "real": real, "extractor": None, "first": IMAGES} | parts)


def arguments(**given: Any) -> Any:
    return SimpleNamespace(**{"neighbours": None, "images": None, "spectrum": None, "force": False} | given)


def test_scores_are_told_with_those_of_each_class_by_name() -> None:
    lines = report(evaluation(classes="2, by their names"), Path("a.npz")).splitlines()
    assert lines[1].startswith("Real images  4 of others.npz, sha256 ")
    assert "Classes      2, by their names" in lines
    assert [line.split() for line in lines[-3:]] == [["Class", "FID"], ["cat", "2.000"], ["leopard", "-"]]
    assert not any(line.startswith("Classes ") for line in report(evaluation(), Path("a.npz")).splitlines())


@pytest.mark.parametrize(
    ("real", "names"),
    [(ImageSet(IMAGES, LABELS, "a", ["cat", "dog"]), ["cat", "dog"]), (ImageSet(IMAGES, None, "a"), ["0", "1"])],
)
def test_images_are_kept_with_the_names_of_their_classes(real: ImageSet, names: list[str], tmp_path: Path) -> None:
    file = tmp_path / "kept.npz"
    put_pictures(evaluation(real=real, kept=(IMAGES, LABELS)), arguments(images=file))
    with np.load(file) as kept:
        assert kept["images"].shape == (4, 8, 8, 1)
        assert kept["labels"].tolist() == LABELS.tolist()
        assert kept["classes"].tolist() == names


def test_without_features_there_are_neither_neighbours_nor_statistics(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--neighbours: there is no extractor"):
        put_pictures(evaluation(), arguments(neighbours=tmp_path / "near.png"))
    with pytest.raises(UserError, match="--statistics: there is no extractor"):
        put_statistics(evaluation(), tmp_path / "s.npz")
