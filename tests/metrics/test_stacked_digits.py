import pytest
import torch

from gan_lab.metrics import scores
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.scorer import Scorer
from gan_lab.metrics.stacked_digits import Stacked
from gan_lab.metrics.statistics import real_statistics
from tests.metrics.conftest import Labelled

GROUPS = ("fid", "kid", "inception_score", "classes")


@pytest.fixture
def stacker(extractor: DatasetClassifier) -> Stacked:
    return Stacked(digits=extractor)


def stacks(numerals: Labelled, count: int, seed: int) -> Labelled:
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(numerals[0]), (count, 3), generator=generator)
    labels = numerals[1][chosen]
    return numerals[0][:, 0][chosen], labels[:, 0] * 100 + labels[:, 1] * 10 + labels[:, 2]


def test_each_channel_is_looked_at_alone(stacker: Stacked, extractor: DatasetClassifier, numerals: Labelled) -> None:
    images, labels = stacks(numerals, 60, 0)
    features, logits = stacker.features_and_logits(images)
    assert features.shape == (60, stacker.num_features) == (60, 768)
    for channel in range(3):
        alone = extractor.features_and_logits(images[:, channel : channel + 1])
        torch.testing.assert_close(features[:, channel * 256 : (channel + 1) * 256], alone[0])
        torch.testing.assert_close(logits[:, channel * 10 : (channel + 1) * 10], alone[1])
    assert (stacker.predicted_class(logits) == labels).float().mean() > 0.9
    assert stacker.identity["name"] == "digits MNIST, each channel"
    assert not any(weight.requires_grad for weight in stacker.parameters())


def test_expected_frequencies_are_those_of_independent_digits(stacker: Stacked) -> None:
    logits = torch.nn.functional.one_hot(torch.tensor([[1, 2, 3], [1, 2, 4]]), 10).float().flatten(1)
    frequencies = stacker.class_histogram(logits)
    assert frequencies.shape == (1000,)
    assert frequencies[123] == frequencies[124] == 0.5
    assert frequencies.sum() == 1


def test_lost_modes_are_counted(stacker: Stacked, numerals: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "KID_SUBSETS", 2)
    real = real_statistics(*stacks(numerals, 800, 1), stacker, split="test", cache_folder=None)
    scorer = Scorer(extractor=stacker, real=real, seed=0, groups=GROUPS)
    images, labels = stacks(numerals, 1200, 2)
    scorer.update(images, labels)
    good = scorer.compute()
    assert good.keys() == {"fid", "kid", "kid_std", "modes", "class_kl", "class_accuracy"}, (
        "no one label, no such score"
    )
    assert 650 < good["modes"] < 750, "1,200 draws from 1,000"
    assert good["class_kl"] < 0.5
    assert good["class_accuracy"] > 0.95
    scorer.reset()
    kept = labels < 100  # red zeros only
    scorer.update(images[kept].repeat(10, 1, 1, 1))
    bad = scorer.compute()
    assert bad["modes"] <= 110
    assert bad["class_kl"] > good["class_kl"] + 1.5, "a tenth of the modes: log 10 more"
    assert bad["fid"] > good["fid"]


def test_grey_images_are_no_stacks(stacker: Stacked) -> None:
    with pytest.raises(ValueError, match=r"shape \(n, 3, height, width\), not \(2, 1, 28, 28\)"):
        stacker.features_and_logits(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))
