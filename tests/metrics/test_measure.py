from pathlib import Path

import pytest
import torch
from torch import nn

from gan_lab.metrics.extractors import Custom
from gan_lab.metrics.generated_images import generate_images
from gan_lab.metrics.measure import Samples
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.scorer import Scorer
from gan_lab.utils import images
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from tests.conftest import SIZE, TinyImages, tiny_gan


def samples(folder: Path, data: TinyImages) -> Samples:
    return Samples(
        RealImages(data, folder), Custom(module=nn.AvgPool2d(2), size=SIZE, channels=1, antialias=True), seed=5
    )


def test_samples_have_the_scores_of_a_scorer_each_time(tmp_path: Path) -> None:
    subject, model = samples(tmp_path, TinyImages()), tiny_gan()
    measure = subject.against("train", groups=["fid"], count=20, at_most=30)
    statistics = subject.real.statistics(subject.extractor, "train", 30)
    scorer = Scorer(extractor=subject.extractor, real=statistics, seed=5, groups=["fid"])
    for pictures, _ in generate_images(model, 20, seed=5, ema=True):
        scorer.update(pictures)
    expected = scorer.compute()
    for _ in range(2):
        record = measure.score(model, ema=True)
        assert (record.values, record.protocol, record.images_seen) == (expected, scorer.protocol("raw"), 0)


@pytest.mark.parametrize(("validation_count", "split"), [(0, "test"), (9, "validation")])
def test_nothing_is_chosen_by_the_images_of_the_end(validation_count: int, split: str, tmp_path: Path) -> None:
    subject = samples(tmp_path, TinyImages(validation_count=validation_count))
    assert (subject.split_during, subject.split_at_end) == ("train", split)


class Unbalanced(TinyImages):
    """Images of four levels of grey, which are their classes: 160, 20, 10 and 10 of 200."""

    def load(self, split: str) -> LabelledImages:
        labels = torch.arange(4).repeat_interleave(torch.tensor([160, 20, 10, 10]))
        return LabelledImages(drawn(labels), labels)


def drawn(labels: torch.Tensor) -> torch.Tensor:
    levels = torch.tensor([10, 90, 170, 250], dtype=torch.uint8)
    return levels[labels][:, None, None, None].expand(-1, 1, SIZE, SIZE).contiguous()


class Perfect:
    """A conditional generator that draws the class that it is asked for as it is in the data."""

    generator_ema, images_seen = None, 0

    def seeded_latents(self, count: int, seed: int) -> torch.Tensor:
        return torch.zeros(count, 1)

    def make_condition(self, count: int) -> tuple[torch.Tensor, ...]:
        return (torch.arange(count) % 4,)

    def sample(self, latents: torch.Tensor, labels: torch.Tensor, *, ema: bool) -> torch.Tensor:
        return images.to_float(drawn(labels))


def test_a_perfect_generator_of_unbalanced_classes_has_a_perfect_fid(tmp_path: Path) -> None:
    """With one pooled value FID is |m - m'|^2 + (s - s')^2: 0 by the data's frequencies, and far from it in turn."""
    real = RealImages(Unbalanced(), tmp_path)
    extractor = Custom(module=nn.AvgPool2d(SIZE), size=SIZE, channels=1, antialias=True)
    measure = Samples(real, extractor, seed=0).against("test", groups=["fid"], count=400)
    record = measure.score(Perfect(), ema=True)
    assert record.values["fid"] == pytest.approx(0, abs=1e-3)
    assert record.protocol.labels == "data"
    scorer = Scorer(extractor=extractor, real=real.statistics(extractor, "test"), seed=0, groups=["fid"])
    for pictures, _ in generate_images(Perfect(), 400, seed=0, ema=True):
        scorer.update(pictures)
    assert scorer.compute()["fid"] > 0.2


def test_too_few_real_images_are_refused(tmp_path: Path) -> None:
    data = TinyImages()
    data.setup("fit")
    data.splits["train"] = type(data.splits["train"])(*(part[:5] for part in data.splits["train"]))
    with pytest.raises(UserError, match="it has 5 images"):
        samples(tmp_path, data).against("train", groups=["fid"], count=20)
