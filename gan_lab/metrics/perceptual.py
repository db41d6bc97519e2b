"""LPIPS: the distance of two images in the features of a network for ImageNet."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

from gan_lab.metrics.extractors import with_channels
from gan_lab.utils import chunks
from gan_lab.utils.errors import UserError
from gan_lab.utils.precision import reproducible_precision

FILE = "alexnet-owt-7be5be79.pth"
URL = f"https://download.pytorch.org/models/{FILE}"
SMALLEST = 32  # pixels a side: less leaves nothing to AlexNet's last layers


class Perceptual(torch.nn.Module):
    """LPIPS with AlexNet (Zhang et al. 2018, arXiv:1801.03924), 0 for equal images, as torchmetrics computes it.

    Raises:
        UserError: torchvision's weights of AlexNet are missing or damaged; nothing is downloaded.
    """

    def __init__(self) -> None:
        super().__init__()
        path = Path(torch.hub.get_dir()) / "checkpoints" / FILE
        if not path.is_file():
            raise UserError(f"LPIPS needs {URL} (233 MB) as {path}")
        if not sha256(path.read_bytes()).hexdigest().startswith("7be5be79"):  # which torchvision's name of it says
            raise UserError(f"{path} is damaged or another file than {URL}")
        self.network: Any = LearnedPerceptualImagePatchSimilarity(net_type="alex").net.requires_grad_(False)

    def forward(self, images: Tensor, targets: Tensor) -> Tensor:
        """Distances, float64 (n,), of uint8 images and targets (n, 1 or 3, height, width) of 32 pixels on."""
        return self.of_floats(*(with_channels(each, 3) / 127.5 - 1 for each in (images, targets)))

    def of_floats(self, images: Tensor, targets: Tensor) -> Tensor:
        """Distances, float64 (n,), of float32 images and targets in [-1, 1] (n, 1 or 3, height, width)."""
        with reproducible_precision(images.device):
            both = (each.float().expand(-1, 3, -1, -1) for each in (images, targets))
            distances: Tensor = chunks.applied(self.network, *both)
        return distances.flatten().double()
