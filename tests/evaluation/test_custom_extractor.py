import sys
from pathlib import Path

import pytest
import torch

from gan_lab.evaluation.custom_extractor import import_extractor
from gan_lab.evaluation.datasets import dataset_by_name
from gan_lab.metrics.extractors import extract
from gan_lab.metrics.real_images import RealImages
from gan_lab.utils.errors import UserError

SOURCE = """
import torch
from torch import nn
from gan_lab.metrics.dataset_classifier import DatasetClassifier, SHIPPED

class Pooled(nn.Module):
    def forward(self, images):
        assert images.shape[1:] == (1, 28, 28) and images.min() >= -1
        return nn.functional.avg_pool2d(images, 7)

class Own(DatasetClassifier):
    def __init__(self):
        super().__init__(file=str(SHIPPED["MNIST"]))

class Coloured(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 3)

class Broken(nn.Module):
    def __init__(self):
        raise OSError("weights are elsewhere")
"""


@pytest.fixture
def real(few_digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RealImages:
    """A dataset, and a package of anyone's in the current folder."""
    (tmp_path / "anyones").mkdir()
    (tmp_path / "anyones" / "net.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "anyones.net", raising=False)
    return dataset_by_name("mnist", str(few_digits))


def test_any_module_gets_the_datasets_images(real: RealImages) -> None:
    extractor = import_extractor("anyones.net:Pooled", real)
    features, _ = extract(extractor, torch.full((3, 1, 28, 28), 255, dtype=torch.uint8))
    assert torch.equal(features, torch.ones(3, 16))
    assert extractor.num_features == 16
    assert extractor.identity["name"] == "anyones.net.Pooled"


def test_an_extractor_is_taken_as_it_is(real: RealImages) -> None:
    assert import_extractor("anyones.net:Own", real).num_classes == 10


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("anyones.net:Missing", "AttributeError: module 'anyones.net' has no attribute 'Missing'"),
        ("anyones.net:Broken", "OSError: weights are elsewhere"),
        (
            "anyones.net:Coloured",
            r"must take float images \(n, 1, 28, 28\) and return features \(n, ...\): RuntimeError",
        ),
        ("collections:OrderedDict", "OrderedDict is not a torch.nn.Module"),
    ],
)
def test_what_is_no_extractor_is_one_message(name: str, message: str, real: RealImages) -> None:
    with pytest.raises(UserError, match=f"--extractor {name}: {message}"):
        import_extractor(name, real)
