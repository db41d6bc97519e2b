from pathlib import Path

import torch

from gan_lab.data.hidden_pairs import HiddenPairs
from gan_lab.utils.batches import TwoDomains
from tests.data.test_paired_folders import picture


def make(tmp_path: Path) -> HiddenPairs:
    """Thirty pairs of a value and that value plus 100."""
    for index in range(30):
        picture(tmp_path / f"maps/{index:02}.png", index)
        picture(tmp_path / f"photos/{index:02}.png", 100 + index)
    return HiddenPairs(
        source=str(tmp_path / "maps"),
        target=str(tmp_path / "photos"),
        test_fraction=None,
        cache="cache",
        image_size=6,
        source_channels=3,
        channels=3,
        batch_size=9,
        seed=0,
    )


def test_batches_are_of_two_domains_in_orders_of_their_own(tmp_path: Path) -> None:
    data = make(tmp_path)
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert all(isinstance(batch, TwoDomains) for batch in (*batches, data.example(), data.preview(3)))
    a, b = (torch.cat(domain)[:, 0, 0, 0] for domain in zip(*batches, strict=True))
    assert len({*a.tolist()}) == len({*b.tolist()}) == 27
    assert (a + 100 == b).sum() < 9, "no more than chance has it"


def test_splits_keep_the_pairs(tmp_path: Path) -> None:
    data = make(tmp_path)
    assert data.paired
    for stage in ("fit", "test"):
        data.setup(stage)
    for (source, _), (target, _) in data.splits.values():
        assert (source + 100 == target).all()
    assert [len(labels) for _, (_, labels) in data.splits.values()] == [27, 3]
