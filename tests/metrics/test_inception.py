import errno
import os
import re
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from types import SimpleNamespace
from urllib.error import URLError

import pytest
import torch

from gan_lab.metrics import inception
from gan_lab.metrics.inception import Inception, fetch_weights
from gan_lab.metrics.protocol import extractor_hash
from gan_lab.utils import download
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import MARKER, TEXT
from tests.conftest import Serve


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
    assert "are missing. callbacks.scores.download=true and gan-lab evaluate --extractor inception fetch them. " in str(
        error.value
    )
    assert f"Download {url} (91 MB) on a machine with network, and put the file to {place}; " in str(error.value)
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


CONTENT = b"weights" * 1000


@pytest.fixture
def place(installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The usual place of weights, which are of a few bytes here."""
    monkeypatch.setattr(inception, "SHA256", sha256(CONTENT).hexdigest())
    return tmp_path / "hub" / "checkpoints" / inception.FILE


def test_missing_weights_are_fetched_once_to_where_torch_keeps_them(place: Path, serve: Serve) -> None:
    asked = serve(CONTENT)
    fetch_weights()
    fetch_weights()
    assert asked == [inception.URL]
    assert inception.URL.startswith("https://")
    assert place.read_bytes() == CONTENT
    assert list(place.parent.iterdir()) == [place]


def test_a_file_that_is_there_is_left_alone(place: Path, serve: Serve) -> None:
    asked = serve(CONTENT)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    fetch_weights()
    assert (asked, place.read_bytes()) == ([], b"mine")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"content": b"others"}, r"{url}: the checksum is [0-9a-f]{{64}} instead of [0-9a-f]{{64}}"),
        ({"content": CONTENT[:70], "length": 7000}, "{url}: cut off after 70 of 7,000 bytes"),
        ({"content": CONTENT[:70]}, "{url}: the checksum is .* instead of .*"),
        ({"content": CONTENT, "url": "http://mirror/x"}, "{url} redirects to http://mirror/x: not https"),
        ({"fails": URLError("unreachable")}, "<urlopen error unreachable>"),
        ({"fails": TimeoutError("timed out")}, "timed out"),
    ],
)
def test_what_can_not_be_fetched_is_one_line_and_leaves_nothing(
    answer: dict[str, object], reason: str, place: Path, serve: Serve
) -> None:
    serve(**answer)
    reason = reason.format(url=re.escape(inception.URL))
    with pytest.raises(
        UserError, match=rf"^{place}: .* are missing, and fetching them failed \({reason}\)\. Download "
    ) as error:
        fetch_weights()
    assert len(str(error.value).splitlines()) == 1
    assert f"put the file to {place}" in str(error.value)
    assert list(place.parent.iterdir()) == []


def test_a_place_that_can_not_be_written_to_is_one_line(
    place: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.parent.parent.mkdir()
    place.parent.write_text("a file in the folder's place")
    serve(CONTENT)
    with pytest.raises(UserError, match=r"are missing, and fetching them failed \(.*File exists.*\)\. Download "):
        fetch_weights()
    place.parent.unlink()

    def read_only(_: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(place))

    monkeypatch.setattr(download, "atomic_write", read_only)
    with pytest.raises(UserError, match=r"fetching them failed \(\[Errno 30\] Read-only file system: "):
        fetch_weights()
    assert not place.exists()


def test_nothing_is_fetched_where_the_package_is_missing(
    place: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = serve(CONTENT)
    monkeypatch.setattr(inception, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="needs torch-fidelity"):
        fetch_weights()
    assert asked == []


def test_what_a_killed_program_has_left_is_removed(place: Path, serve: Serve) -> None:
    (left := place.parent / ".gan_lab-abc").mkdir(parents=True)
    (left / MARKER).write_text(TEXT)
    serve(CONTENT)
    fetch_weights()
    assert list(place.parent.iterdir()) == [place]


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
    edge = torch.tensor([0, 255], dtype=torch.uint8).expand(1, 1, 2, 2)
    stripes = torch.tensor([0, 255], dtype=torch.uint8).repeat(299).expand(1, 1, 598, 598)
    features_of, hashes, rows = {}, [], {}
    for antialias in (False, True):
        extractor = Inception(weights=str(tmp_path / "weights.pth"), antialias=antialias)
        features, logits = extractor.features_and_logits(images)
        assert features.shape == (2, 2048)
        assert logits.shape == (2, 1008)
        assert torch.equal(extractor(images.expand(-1, 3, -1, -1)), features)
        assert extractor.identity["antialias"] is antialias
        features_of[antialias] = features
        hashes.append(extractor_hash(extractor.identity))
        seen: list[torch.Tensor] = []
        extractor.network.Conv2d_1a_3x3.register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0]))
        for image in (edge, stripes):
            extractor(image)
        rows[antialias] = [(given[0, 0, 0] * 128 + 128).tolist() for given in seen]
    difference = (features_of[False] - features_of[True]).abs().max() / features_of[True].abs().max()
    assert difference > 1e-3
    assert hashes[0] != hashes[1], "the two are of different protocols"
    clean = Inception(weights=str(tmp_path / "weights.pth"), antialias=False, clean=True)
    assert clean.identity["name"] == "inception-clean"
    assert extractor_hash(clean.identity) not in hashes
    features, logits = clean.features_and_logits(images)
    assert (features.shape, logits.shape) == ((2, 2048), (2, 1008))
    whole = torch.randint(0, 256, (2, 3, 299, 299), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(clean(whole), clean.network(whole)), "of 299 pixels nothing is resized: the same network"
    # Of two pixels, TensorFlow 1 has the i-th of 299 at the place 2 i / 299, between them up to the second one.
    assert rows[False][0] == pytest.approx([255 * min(2 * i / 299, 1) for i in range(299)], abs=1e-3)
    # The half pixel that others add: at 2 (i + 1/2) / 299 - 1/2.
    assert rows[True][0] == pytest.approx([255 * min(max((2 * i + 1) / 299 - 0.5, 0), 1) for i in range(299)], abs=1e-3)
    # Of stripes one pixel wide TensorFlow 1 takes every second one, and antialiasing the mean.
    assert rows[False][1] == pytest.approx([0] * 299, abs=1e-3)
    assert rows[True][1][1:-1] == pytest.approx([127.5] * 297, abs=1)


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
