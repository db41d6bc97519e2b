from pathlib import Path

import torch

from gan_lab.evaluation import external_images, packed

IMAGES = torch.arange(6 * 3 * 64, dtype=torch.int64).remainder(256).byte().reshape(6, 3, 8, 8)


def test_packed_images_are_read_as_they_were(tmp_path: Path) -> None:
    for labels in (None, torch.arange(6)):
        (tmp_path / "p.npz").write_bytes(packed.content(IMAGES, labels))
        found = external_images.load_labelled(tmp_path / "p.npz", None)
        assert torch.equal(found.images, IMAGES)
        assert found.labels is None if labels is None else torch.equal(found.labels, labels)
