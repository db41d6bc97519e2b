from pathlib import Path

import numpy as np
import pytest
import torch

from gan_lab.metrics import moment_files
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.scorer import Scorer
from gan_lab.metrics.scores import Moments, frechet_distance
from gan_lab.utils.errors import UserError
from tests.metrics.conftest import Labelled
from tests.metrics.test_scores import normal


def test_a_file_gives_the_fid_of_its_images(tmp_path: Path, extractor: DatasetClassifier, numerals: Labelled) -> None:
    real, fake = extractor(numerals[0][:400]), numerals[0][400:700]
    moment_files.write(tmp_path / "s.npz", Moments.of(real), extractor.identity)
    found = moment_files.read(tmp_path / "s.npz")
    assert found.count == 400
    statistics = found.statistics(extractor)
    scorer = Scorer(extractor=extractor, real=statistics, seed=0)
    scorer.update(fake)
    values = scorer.compute()
    assert values.keys() == {"fid", "inception_score", "inception_score_std"}, "the others need images"
    assert values["fid"] == pytest.approx(frechet_distance(Moments.of(real), extractor(fake)), rel=1e-6)
    assert scorer.protocol("given").n_real == 400


def test_pytorch_fids_files_are_read_and_ours_are_read_by_it(tmp_path: Path, extractor: DatasetClassifier) -> None:
    """The way in which pytorch_fid.fid_score reads and writes them."""
    features = normal(300, 256)
    mean, covariance = features.double().mean(0).numpy(), np.cov(features.double().numpy(), rowvar=False)
    np.savez_compressed(tmp_path / "theirs.npz", mu=mean, sigma=covariance)
    found = moment_files.read(tmp_path / "theirs.npz")
    assert (found.count, found.extractor) == (None, None)
    fake = normal(200, 256, seed=1)
    expected = frechet_distance(Moments.of(features), fake)
    statistics = found.statistics(extractor)
    assert statistics.count == 0
    assert frechet_distance(statistics.moments, fake) == pytest.approx(expected, rel=1e-6)
    moment_files.write(tmp_path / "ours.npz", Moments.of(features), extractor.identity)
    with np.load(tmp_path / "ours.npz") as content:
        assert np.allclose(content["mu"][:], mean)
        assert np.allclose(content["sigma"][:], covariance)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mu": np.zeros(3)}, r"holds no statistics: it must have mu \(d,\) and sigma \(d, d\), and has mu"),
        ({"mu": np.zeros(3), "sigma": np.zeros((3, 2))}, r"must hold mu .* not \(3,\) and \(3, 2\)"),
        ({"mu": np.zeros(3, int), "sigma": np.zeros((3, 3))}, "as floating points"),
        ({"mu": np.array([np.nan, 0]), "sigma": np.zeros((2, 2))}, "mu and sigma must be finite numbers"),
        ({"mu": np.array([print], object), "sigma": np.zeros((2, 2))}, "can't be read as statistics"),
    ],
)
def test_other_files_are_one_line(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(UserError, match=message):
        moment_files.read(tmp_path / "s.npz")


def test_what_is_no_archive_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "s.npz").write_text("no archive")
    with pytest.raises(UserError, match=r"s\.npz can't be read as statistics"):
        moment_files.read(tmp_path / "s.npz")


def test_statistics_of_another_extractor_are_refused(tmp_path: Path, extractor: DatasetClassifier) -> None:
    np.savez(tmp_path / "s.npz", mu=np.zeros(2048), sigma=np.eye(2048))
    with pytest.raises(UserError, match="they are of 2048 features, and digits MNIST has 256; name the extractor"):
        moment_files.read(tmp_path / "s.npz").statistics(extractor)
    other = extractor.identity | {"sha256": "other"}
    moment_files.write(tmp_path / "o.npz", Moments.of(torch.rand(9, 256)), other)
    with pytest.raises(UserError, match="they were computed with another extractor than digits MNIST"):
        moment_files.read(tmp_path / "o.npz").statistics(extractor)
