from pathlib import Path

import pytest
from torch import nn

from gan_lab.metrics.extractors import Custom
from gan_lab.metrics.generated_images import generate_images
from gan_lab.metrics.measure import Samples
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.scorer import Scorer
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
    for images, _ in generate_images(model, 20, seed=5, ema=True):
        scorer.update(images)
    expected = scorer.compute()
    for _ in range(2):
        record = measure.score(model, ema=True)
        assert (record.values, record.protocol, record.images_seen) == (expected, scorer.protocol("raw"), 0)


@pytest.mark.parametrize(("validation_count", "split"), [(0, "test"), (9, "validation")])
def test_nothing_is_chosen_by_the_images_of_the_end(validation_count: int, split: str, tmp_path: Path) -> None:
    subject = samples(tmp_path, TinyImages(validation_count=validation_count))
    assert (subject.split_during, subject.split_at_end) == ("train", split)


def test_too_few_real_images_are_refused(tmp_path: Path) -> None:
    data = TinyImages()
    data.setup("fit")
    data.splits["train"] = type(data.splits["train"])(*(part[:5] for part in data.splits["train"]))
    with pytest.raises(UserError, match="it has 5 images"):
        samples(tmp_path, data).against("train", groups=["fid"], count=20)
