from pathlib import Path
from typing import NoReturn

import pytest
import torch

from gan_lab.metrics import statistics
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.statistics import RealStatistics, real_statistics
from tests.metrics.conftest import Labelled


def made(
    numerals: Labelled, extractor: DatasetClassifier, folder: Path | None, count: int = 100, **options: str
) -> RealStatistics:
    images, labels = (values[:count] for values in numerals)
    return real_statistics(images, labels, extractor, **{"split": "test"} | options, cache_folder=folder)


@pytest.fixture
def no_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("computed again")

    monkeypatch.setattr(statistics, "extract", refuse)


def test_they_are_what_the_extractor_sees(numerals: Labelled, extractor: DatasetClassifier) -> None:
    statistics = made(numerals, extractor, None)
    features, logits = extractor.features_and_logits(numerals[0][:100])
    assert torch.equal(statistics.features, features)
    assert torch.equal(statistics.logits, logits)
    assert torch.equal(statistics.labels, numerals[1][:100])
    assert statistics.moments.count == 100
    torch.testing.assert_close(statistics.moments.total, features.double().sum(0))
    torch.testing.assert_close(statistics.moments.outer, features.double().T @ features.double())
    assert statistics.extractor == extractor.identity


def equal(left: RealStatistics, right: RealStatistics) -> bool:
    tensors = all(torch.equal(getattr(left, name), getattr(right, name)) for name in ("features", "logits", "labels"))
    moments = torch.equal(left.moments.total, right.moments.total) and torch.equal(
        left.moments.outer, right.moments.outer
    )
    return tensors and moments and (left.data, left.split) == (right.data, right.split)


def test_they_are_computed_once(
    numerals: Labelled, extractor: DatasetClassifier, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    first = made(numerals, extractor, tmp_path / "new")
    assert len(list((tmp_path / "new").iterdir())) == 1
    request.getfixturevalue("no_computing")
    assert equal(made(numerals, extractor, tmp_path / "new"), first)


def test_other_images_labels_counts_and_splits_have_files_of_their_own(
    numerals: Labelled, extractor: DatasetClassifier, tmp_path: Path
) -> None:
    images, labels = numerals
    made(numerals, extractor, tmp_path)
    made(numerals, extractor, tmp_path, count=99)
    made(numerals, extractor, tmp_path, split="train")
    made((images.flip(0), labels), extractor, tmp_path)
    made((images, labels.flip(0)), extractor, tmp_path)
    assert len(list(tmp_path.iterdir())) == 5


def test_a_damaged_file_is_computed_again_with_a_warning(
    numerals: Labelled, extractor: DatasetClassifier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = made(numerals, extractor, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    assert equal(made(numerals, extractor, tmp_path), first)
    assert f"{file} is damaged" in caplog.text
    assert file.read_bytes() == whole


def test_a_file_of_something_else_is_computed_again_with_a_warning(
    numerals: Labelled, extractor: DatasetClassifier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made(numerals, extractor, tmp_path / "a")
    made(numerals, extractor, tmp_path / "b", count=50)
    (ours,), (other,) = (tmp_path / "a").iterdir(), (tmp_path / "b").iterdir()
    other.replace(ours)
    assert made(numerals, extractor, tmp_path / "a").moments.count == 100
    assert "is of other images" in caplog.text


def test_a_folder_that_cannot_be_written_to_is_a_warning(
    numerals: Labelled, extractor: DatasetClassifier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert made(numerals, extractor, tmp_path / "file").moments.count == 100
    assert "can't be written" in caplog.text


def test_images_need_no_labels(numerals: Labelled, extractor: DatasetClassifier) -> None:
    statistics = real_statistics(numerals[0][:10], None, extractor, split="test", cache_folder=None)
    assert statistics.labels.tolist() == [-1] * 10
