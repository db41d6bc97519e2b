import os
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from types import SimpleNamespace

import pytest
import torch

from gan_lab.metrics import inception
from gan_lab.metrics.inception import Inception
from gan_lab.utils.errors import UserError


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(inception, "find_spec", lambda _: SimpleNamespace())
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inception, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"needs torch-fidelity: pip install 'gan-lab-lightning\[inception\]'"):
        Inception(weights=None, antialias=False)


@pytest.mark.usefixtures("installed")
def test_without_weights_the_message_says_what_to_download_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        Inception(weights=None, antialias=False)
    place = tmp_path / "hub" / "checkpoints" / "weights-inception-2015-12-05-6726825d.pth"
    url = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
    assert str(place) in str(error.value)
    assert url in str(error.value)
    with pytest.raises(UserError, match="/nowhere: the inception extractor's weights are missing"):
        Inception(weights="/nowhere", antialias=False)


@pytest.mark.usefixtures("installed")
def test_another_file_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"half")
    with pytest.raises(UserError, match="damaged or another file: its sha256 is"):
        Inception(weights=str(tmp_path / "weights.pth"), antialias=False)


@pytest.mark.usefixtures("installed")
def test_a_pipe_makes_nothing_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "weights.pth")
    with pytest.raises(UserError, match="weights.pth can't be read: is not a regular file"):
        Inception(weights=str(tmp_path / "weights.pth"), antialias=False)


@pytest.mark.bits
def test_the_network_runs_with_weights_of_the_right_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights: the published ones can't be had without a network."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    state: dict[str, torch.Tensor] = {}
    with monkeypatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, _: state.update(self.state_dict()))
        patch.setattr(torch, "load", lambda *_, **__: {})
        (tmp_path / "weights.pth").write_bytes(b"")
        FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(tmp_path / "weights.pth"))
    torch.save(state, tmp_path / "weights.pth")
    monkeypatch.setattr(inception, "SHA256", sha256((tmp_path / "weights.pth").read_bytes()).hexdigest())

    images = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    features_of = {}
    for antialias in (False, True):
        extractor = Inception(weights=str(tmp_path / "weights.pth"), antialias=antialias)
        features, logits = extractor.features_and_logits(images)
        assert features.shape == (2, 2048)
        assert logits.shape == (2, 1008)
        assert torch.equal(extractor(images.expand(-1, 3, -1, -1)), features)
        assert extractor.identity["antialias"] is antialias
        features_of[antialias] = features
    assert not torch.equal(features_of[False], features_of[True])


class Trap:
    """Something that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("sprung"),)


def test_nothing_in_the_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weights": Trap()}, tmp_path / "weights.pth")
    monkeypatch.setattr(inception, "SHA256", sha256((tmp_path / "weights.pth").read_bytes()).hexdigest())
    with pytest.raises(UnpicklingError, match="Weights only load failed"):
        Inception(weights=str(tmp_path / "weights.pth"), antialias=False)
    assert not (tmp_path / "sprung").exists()
    assert inception.WEIGHTS_ONLY not in os.environ
