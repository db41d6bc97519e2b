"""LPIPS without its weights: tests have no network."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gan_lab.metrics import perceptual
from gan_lab.metrics.perceptual import FILE, Perceptual
from gan_lab.utils.errors import UserError


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints" / FILE


def test_weights_that_are_missing_or_other_ones_are_named(hub: Path) -> None:
    with pytest.raises(UserError, match=rf"LPIPS needs https://\S+/{FILE} \(233 MB\) as {hub}"):
        Perceptual()
    hub.write_bytes(b"other")
    with pytest.raises(UserError, match="is damaged or another file"):
        Perceptual()


def test_images_are_compared_in_colour_and_in_the_range_that_the_network_knows(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Network(nn.Module):
        def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            assert one.shape[1] == 3
            return (one - other).mean((1, 2, 3), keepdim=True)

    hub.write_bytes(b"weights")
    monkeypatch.setattr(perceptual, "sha256", lambda _: SimpleNamespace(hexdigest=lambda: "7be5be79"))
    monkeypatch.setattr(perceptual, "LearnedPerceptualImagePatchSimilarity", lambda **_: SimpleNamespace(net=Network()))
    white, black = (torch.full((4, 1, 32, 32), value, dtype=torch.uint8) for value in (255, 0))
    assert Perceptual()(white, black).tolist() == [2.0] * 4
