"""The published protocol: Inception-v3's 2048 pooled features (Heusel et al. 2017, arXiv:1706.08500).

The weights are torch-fidelity's, as it publishes them. `fetch_weights` is the one place that downloads them.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from gan_lab.metrics.extractors import Extractor, Plain, with_channels
from gan_lab.metrics.resizers import pillow_float, where_exact
from gan_lab.utils import download, hashes
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import remove_unfinished
from gan_lab.utils.locks import held
from gan_lab.utils.precision import reproducible_precision
from gan_lab.utils.shell import install

FILE = "weights-inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
LARGEST = 1 << 27  # bytes; the file has about 95 million
SIZE = 299
Resize = Literal["antialiased", "tensorflow1"]
LAYERS = (  # of the network, from images of 299 pixels to its features
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    *("Mixed_7a", "Mixed_7b", "Mixed_7c", "AvgPool"),
)
CLEAN_AT_ONCE = 50  # images whose sums in float64 are held at a time
WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"  # stronger than what a caller of torch.load asks for


class Inception(Extractor):
    """TensorFlow's Inception-v3 of 2015 in torch-fidelity's translation, as torchmetrics runs it.

    Its logits, of ImageNet's 1008 classes without their bias, are those of the Inception Score; none of them is a
    class of the dataset.

    Args:
        weights: torch-fidelity's file; None reads it from the folder of torch.hub's checkpoints.
        antialias: True smooths images while they are resized to 299 pixels. This is torchmetrics' default since 1.9;
            the numbers of most papers were computed without, by TensorFlow 1's bilinear rule: pixel i of 299 is
            interpolated at the place i * width / 299, so images larger than that lose what lies between.
        clean: True resizes as clean-fid does instead (Parmar et al. 2022, arXiv:2104.11222): Pillow's bicubic with
            antialias, in floats.

    Raises:
        UserError: torch-fidelity or its weights are missing, or the file is not the published one.
    """

    def __init__(self, *, weights: str | None, antialias: bool, clean: bool = False) -> None:
        super().__init__()
        refuse_without_package()
        path = Path(weights).expanduser() if weights else usual_place()
        if not path.exists():
            raise missing(path)
        self.network = load(path)
        self.antialias = antialias
        self.clean = clean
        self.network.use_antialias = antialias
        self.num_features = 2048
        self.num_classes = 0
        self.identity = CLEAN_IDENTITY if clean else identity(antialias)
        self.freeze()

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features (n, 2048) and logits (n, 1008)."""
        pixels = with_channels(images, 3).byte()  # exact: grey is repeated, RGB stays
        with reproducible_precision(pixels.device):
            features = self._cleanly(pixels) if self.clean else self.network(pixels)
            return features, features @ self.network.fc.weight.T

    def _cleanly(self, pixels: Tensor) -> Tensor:
        """Features (n, 2048), of images resized outside of the network."""
        parts = []
        for chunk in torch.split(pixels, CLEAN_AT_ONCE):
            shown = (pillow_float(where_exact(chunk), SIZE).to(pixels.device) - 128) / 128
            for layer in LAYERS:
                shown = getattr(self.network, layer)(shown)
            parts.append(shown.flatten(1))
        return torch.cat(parts)


def identity(antialias: bool) -> dict[str, Plain]:
    """All that decides the features, as `Extractor.identity` has it."""
    return {
        "name": "inception",
        "sha256": SHA256,
        "input_size": SIZE,
        "other_sizes": "bilinear" if antialias else "bilinear as in TensorFlow 1",
        "channels": 3,
        "antialias": antialias,
        "dtype": "float32",
    }


CLEAN_IDENTITY: dict[str, Plain] = identity(True) | {
    "name": "inception-clean",
    "other_sizes": "bicubic as in Pillow, float32",
}


def refuse_without_package() -> None:
    """Refuse where the package with the network is missing.

    Raises:
        UserError: torch-fidelity is not installed.
    """
    if find_spec("torch_fidelity") is None:
        raise UserError(f"the inception extractor needs torch-fidelity: {install('inception')}")


def usual_place() -> Path:
    """The file in which torch.hub would keep the weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / FILE


def missing(path: Path, reason: str = "") -> UserError:
    """The error of missing weights, which says what to put where."""
    why = reason or ". callbacks.scores.download=true and gan-lab evaluate --extractor inception fetch them"
    return UserError(
        f"{path}: the inception extractor's weights are missing{why}. Download {URL} (91 MB) on a machine with "
        f"network, and put the file to {usual_place()}; gan-lab evaluate takes one elsewhere, --weights-file"
    )


def fetch_weights() -> None:
    """Download the weights to their usual place, unless a file is there; one program at a time does.

    Raises:
        UserError: torch-fidelity is missing, there is no network, the place can't be written to, or what came is not
            the published file, of which nothing is kept.
    """
    refuse_without_package()
    path = usual_place()
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with held(path.with_name(f".{FILE}.lock"), patience=-1):
            remove_unfinished(path.parent)
            if not path.exists():  # else another program was first
                download.fetch(URL, path, checksum=SHA256, algorithm="sha256", largest=LARGEST)
    except download.ERRORS as error:
        raise missing(path, f", and fetching them failed ({error})") from error


def load(path: Path) -> Any:
    """Load the network with the published weights; loading executes nothing from the file.

    Raises:
        UserError: the file is another one, or can't be read.
    """
    try:
        digest = hashes.of_file(path)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from error
    if digest != SHA256:
        raise UserError(f"{path} is damaged or another file: its sha256 is {digest}, that of {URL} is {SHA256}")

    from torchmetrics.image.fid import NoTrainInceptionV3  # exists only where torch-fidelity is installed

    before = os.environ.get(WEIGHTS_ONLY)
    os.environ[WEIGHTS_ONLY] = "1"  # torch-fidelity's own call would let the file run code
    try:
        return NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path))
    finally:
        if before is None:
            del os.environ[WEIGHTS_ONLY]
        else:
            os.environ[WEIGHTS_ONLY] = before
