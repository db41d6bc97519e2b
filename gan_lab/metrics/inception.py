"""The published protocol: Inception-v3's 2048 pooled features (Heusel et al. 2017, arXiv:1706.08500)."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_lab.metrics.extractors import Extractor, with_channels
from gan_lab.utils import hashes
from gan_lab.utils.errors import UserError
from gan_lab.utils.precision import reproducible_precision
from gan_lab.utils.shell import install

FILE = "weights-inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIZE = 299
WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"  # stronger than what a caller of torch.load asks for


class Inception(Extractor):
    """TensorFlow's Inception-v3 of 2015 in torch-fidelity's translation, as torchmetrics runs it.

    Its logits, of ImageNet's 1008 classes without their bias, are those of the Inception Score; none of them is a
    class of the dataset.

    Args:
        weights: torch-fidelity's file; None reads it from the folder of torch.hub's checkpoints.
        antialias: True smooths images while they are resized to 299 pixels. This is torchmetrics' default since 1.9;
            the numbers of most papers were computed without.

    Raises:
        UserError: torch-fidelity or its weights are missing, or the file is not the published one.
    """

    def __init__(self, *, weights: str | None, antialias: bool) -> None:
        super().__init__()
        if find_spec("torch_fidelity") is None:
            raise UserError(f"the inception extractor needs torch-fidelity: {install('inception')}")
        default = Path(torch.hub.get_dir()) / "checkpoints" / FILE
        path = Path(weights).expanduser() if weights else default
        if not path.exists():
            raise UserError(
                f"{path}: the inception extractor's weights are missing. Download {URL} (91 MB) on a machine with "
                f"network, and put the file to {default}; gan-lab evaluate takes one elsewhere, --weights-file"
            )
        self.network = load(path)
        self.antialias = antialias
        self.network.use_antialias = antialias
        self.num_features = 2048
        self.num_classes = 0
        self.identity = {
            "name": "inception",
            "sha256": SHA256,
            "input_size": SIZE,
            "other_sizes": "bilinear" if antialias else "bilinear as in TensorFlow 1",
            "channels": 3,
            "antialias": antialias,
            "dtype": "float32",
        }
        self.freeze()

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features (n, 2048) and logits (n, 1008)."""
        pixels = with_channels(images, 3).byte()  # exact: grey is repeated, RGB stays
        with reproducible_precision(pixels.device):
            features: Tensor = self.network(pixels)
            return features, features @ self.network.fc.weight.T


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
