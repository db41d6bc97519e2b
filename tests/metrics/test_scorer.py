"""All scores of genuine digits and of what can be wrong with generated ones; several processes against one."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torchvision.transforms.functional import gaussian_blur

from gan_lab.distributed.collectives import gather_rows
from gan_lab.metrics import class_scores, dataset_classifier, scores, spectra
from gan_lab.metrics.dataset_classifier import DatasetClassifier
from gan_lab.metrics.extractors import Custom
from gan_lab.metrics.groups import ALL_GROUPS, GROUPS
from gan_lab.metrics.scorer import Scorer
from gan_lab.metrics.statistics import RealStatistics, real_statistics
from tests.conftest import in_two_processes
from tests.metrics.conftest import Labelled

EVERYTHING = {
    "fid",
    "kid",
    "kid_std",
    "inception_score",
    "inception_score_std",
    "precision",
    "recall",
    "density",
    "coverage",
    "modes",
    "class_kl",
}
HALF = 2250


@pytest.fixture(autouse=True)
def few_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    """KID over ten random subsets instead of a hundred takes a tenth of the time."""
    monkeypatch.setattr(scores, "KID_SUBSETS", 10)


@pytest.fixture(scope="module")
def real(numerals: Labelled, extractor: DatasetClassifier) -> RealStatistics:
    images, labels = (values[:HALF] for values in numerals)
    return real_statistics(images, labels, extractor, split="train", cache_folder=None)


@pytest.fixture
def others(numerals: Labelled) -> Labelled:
    """As good as generated images can be: genuine digits that the real statistics have not seen."""
    return numerals[0][HALF:], numerals[1][HALF:]


def scored(real: RealStatistics, extractor: DatasetClassifier, images: torch.Tensor, *groups: Any) -> dict[str, float]:
    scorer = Scorer(extractor=extractor, real=real, seed=0, groups=groups or GROUPS)
    scorer.update(images)
    return scorer.compute()


def test_every_score_has_a_name_and_a_sensible_value(
    real: RealStatistics, extractor: DatasetClassifier, others: Labelled
) -> None:
    state = torch.get_rng_state()
    scorer = Scorer(extractor=extractor, real=real, seed=0)
    for images in torch.split(others[0][:1100], 400):
        scorer.update(images)
    values = scorer.compute()
    assert torch.equal(torch.get_rng_state(), state), "measuring does not change training"
    assert values.keys() == EVERYTHING
    assert 0 < values["fid"] < 1
    assert abs(values["kid"]) < 0.01
    assert 9 < values["inception_score"] < 10
    assert all(values[name] > 0.7 for name in ("precision", "recall", "density", "coverage"))
    assert values["modes"] == 10
    assert 0 <= values["class_kl"] < 0.02
    assert sum(scorer.class_counts) == scorer.count == 1100
    assert scorer.compute() == values, "computing twice changes nothing"
    scorer.reset()
    scorer.update(others[0][1100:])
    assert scorer.compute()["fid"] == scored(real, extractor, others[0][1100:], "fid")["fid"]


def test_the_real_images_themselves_are_perfect(
    real: RealStatistics, extractor: DatasetClassifier, numerals: Labelled
) -> None:
    values = scored(real, extractor, numerals[0][:HALF], "fid", "manifold", "classes")
    assert values["fid"] == pytest.approx(0, abs=1e-6)
    assert values["precision"] == values["recall"] == values["coverage"] == 1
    assert values["class_kl"] == 0


def noisy(images: torch.Tensor, strength: float) -> torch.Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + strength * noise).round().clamp(0, 255).byte()


def blurred(images: torch.Tensor, sigma: float) -> torch.Tensor:
    return gaussian_blur(images.float(), 11, sigma).round().byte()


def shifted(images: torch.Tensor, pixels: int) -> torch.Tensor:
    return images.roll(pixels, 3)


def test_what_is_worse_scores_worse(real: RealStatistics, extractor: DatasetClassifier, others: Labelled) -> None:
    images, labels = others
    measure = partial(scored, real, extractor)
    clean = measure(images, "fid", "manifold", "classes")
    for corrupt, strengths in ((noisy, (10, 30, 90)), (blurred, (0.5, 1.0, 2.0)), (shifted, (1, 2, 4))):
        fids = [clean["fid"], *(measure(corrupt(images, strength), "fid")["fid"] for strength in strengths)]
        assert fids == sorted(fids), corrupt.__name__
        assert fids[1] > 2 * fids[0], f"the weakest form of {corrupt.__name__} is noticed"

    inverted = measure(255 - images, "fid", "manifold")
    assert inverted["fid"] > 100 * clean["fid"]
    assert inverted["coverage"] < 0.01

    without_nine = measure(images[labels != 9], "fid", "manifold", "classes")
    half = measure(images[labels < 5], "fid", "manifold", "classes")
    assert 3 * clean["fid"] < without_nine["fid"] < half["fid"] / 3
    assert clean["coverage"] > without_nine["coverage"] > half["coverage"]
    assert clean["class_kl"] < 0.05 < without_nine["class_kl"] < half["class_kl"]


def test_coverage_notices_repeated_images_which_fid_hardly_does(
    real: RealStatistics, extractor: DatasetClassifier, others: Labelled
) -> None:
    images = others[0]
    repeated = images[: HALF // 10].repeat(10, 1, 1, 1)
    clean, cheated = (scored(real, extractor, pictures, "fid", "manifold") for pictures in (images, repeated))
    blurry = scored(real, extractor, blurred(images, 1.0), "fid")
    assert cheated["fid"] < blurry["fid"] / 5
    assert cheated["coverage"] < clean["coverage"] / 1.5
    assert cheated["recall"] < clean["recall"] / 10
    assert cheated["precision"] > clean["precision"] - 0.05


def test_few_images_are_held_against_as_few(
    real: RealStatistics, extractor: DatasetClassifier, others: Labelled
) -> None:
    """In random parts of both: neither a few nor many images move the scores of good ones far."""
    few = scored(real, extractor, others[0][:500], "manifold")
    whole = scored(real, extractor, others[0], "manifold")
    assert few == pytest.approx(whole, abs=0.15)
    many = Scorer(extractor=extractor, real=real, seed=0, groups=("manifold",))
    many.update(others[0])
    many.update(others[0])
    assert many.compute()["density"] == pytest.approx(whole["density"], abs=0.15)


def test_requested_classes_are_compared_with_predicted_ones(
    real: RealStatistics, extractor: DatasetClassifier, others: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = others
    scorer = Scorer(extractor=extractor, real=real, seed=0, groups=("classes",))
    scorer.update(images, labels)
    values = scorer.compute()
    assert values["class_accuracy"] > 0.99
    assert "class_fid" not in values, "450 images of each class are too few"

    monkeypatch.setattr(class_scores, "ENOUGH_IN_CLASS", 100)
    honest = scorer.compute()
    assert honest["class_fid_classes"] == 10
    scorer.reset()
    scorer.update(images, (labels + 1) % 10)
    wrong = scorer.compute()
    assert wrong["class_accuracy"] < 0.01
    assert wrong["class_fid"] > 5 * honest["class_fid"]


def test_the_protocol_tells_what_was_done(real: RealStatistics, extractor: DatasetClassifier, others: Labelled) -> None:
    scorer = Scorer(extractor=extractor, real=real, seed=3, groups=("fid",))
    scorer.update(others[0][:50])
    scorer.compute()
    protocol = scorer.protocol("ema")
    assert (protocol.n_real, protocol.n_fake, protocol.weights, protocol.seed) == (HALF, 50, "ema", 3)
    assert protocol.extractor == extractor.identity
    assert protocol.data == real.data
    assert protocol.label("FID") == "FID (n=50, biased)"


def test_an_extractor_without_logits_has_fewer_scores(numerals: Labelled) -> None:
    extractor = Custom(module=torch.nn.AvgPool2d(7), size=28, channels=1, antialias=True)
    statistics = real_statistics(numerals[0][:100], None, extractor, split="train", cache_folder=None)
    scorer = Scorer(extractor=extractor, real=statistics, seed=0)
    scorer.update(numerals[0][100:200])
    assert scorer.compute().keys() == EVERYTHING - {"inception_score", "inception_score_std", "modes", "class_kl"}


def test_what_cannot_be_measured_is_refused(
    real: RealStatistics, extractor: DatasetClassifier, numerals: Labelled
) -> None:
    scorer = Scorer(extractor=extractor, real=real, seed=0)
    with pytest.raises(ValueError, match="6 generated images or more, not 0"):
        scorer.compute()
    with pytest.raises(ValueError, match="must be uint8"):
        scorer.update(torch.zeros(2, 1, 28, 28))
    few = real_statistics(numerals[0][:5], None, extractor, split="train", cache_folder=None)
    with pytest.raises(ValueError, match="6 real images or more, not 5"):
        Scorer(extractor=extractor, real=few, seed=0)
    other = Custom(module=torch.nn.AvgPool2d(7), size=28, channels=1, antialias=True)
    with pytest.raises(ValueError, match="another extractor's"):
        Scorer(extractor=other, real=real, seed=0)


def check_gathering(rank: int) -> None:
    """Two shares of rows come back in their order, also where one is longer, or empty."""
    rows = torch.arange(10).reshape(5, 2)
    assert torch.equal(gather_rows(rows[rank::2]), rows)
    assert torch.equal(gather_rows(rows if rank else rows[:0]), rows)


def share(rank: int, world_size: int, folder: Path, count: int) -> None:
    """What one process does: statistics from the common cache, its share of the images, all scores."""
    torch.set_num_threads(1)
    scores.KID_SUBSETS = 10
    if world_size > 1:
        init = f"file://{folder}/meeting{count}"
        dist.init_process_group("gloo", init_method=init, rank=rank, world_size=world_size)
        check_gathering(rank)
    images, labels = torch.load(folder / "images.pt")
    extractor = dataset_classifier.shipped()
    cache = folder / f"cache{world_size}"
    real = real_statistics(images[700:], labels[700:], extractor, split="train", cache_folder=cache)
    scorer = Scorer(extractor=extractor, real=real, seed=0)
    mine = slice(rank, count, world_size)
    for stretch in range(rank, count, 150 * world_size):
        batch = slice(stretch, min(stretch + 150 * world_size, count), world_size)
        scorer.update(images[batch], labels[batch])
    assert sum(len(part[0]) for part in scorer._shares) == len(images[mine])
    torch.save(scorer.compute() | {"count": scorer.count}, folder / f"{world_size}-{rank}-{count}.pt")
    if world_size > 1:
        dist.destroy_process_group()


@pytest.mark.bits
def test_two_processes_give_what_one_gives(tmp_path: Path, numerals: Labelled) -> None:
    torch.save(tuple(values[:1200].clone() for values in numerals), tmp_path / "images.pt")
    share(0, 1, tmp_path, 401)
    in_two_processes(share, 2, tmp_path, 401)
    one, first, second = (torch.load(tmp_path / f"{who}-401.pt") for who in ("1-0", "2-0", "2-1"))
    assert one["count"] == 401
    assert first == second
    assert first == pytest.approx(one, rel=1e-6)
    assert len(list((tmp_path / "cache2").iterdir())) == 1


def test_further_scores_cost_nothing_unless_they_are_named(
    real: RealStatistics, extractor: DatasetClassifier, others: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gan_lab.metrics import copies, uncertainty

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("nobody asked for it")

    for module, name in (
        (uncertainty, "fid_infinity"),
        (uncertainty, "fid_interval"),
        (copies, "authenticity"),
        (spectra, "mean_spectrum"),
        (class_scores, "manifold_within_classes"),
        (class_scores, "halves_within_classes"),
        (scores, "gaussian_discrepancy"),
    ):
        monkeypatch.setattr(module, name, forbidden)
    assert scored(real, extractor, others[0][:200], "fid").keys() == {"fid"}


def test_further_scores_of_genuine_digits_are_as_they_should_be(
    real: RealStatistics, extractor: DatasetClassifier, numerals: Labelled, others: Labelled
) -> None:

    groups: list[Any] = [group for group in ALL_GROUPS if group not in (*GROUPS[1:], "path_length")]
    scorer = Scorer(
        extractor=extractor,
        real=real,
        seed=0,
        groups=groups,
        training=extractor(others[0][1000:]),
        spectrum=spectra.mean_spectrum(numerals[0][:HALF]),
    )
    for images in torch.split(others[0][:1000], 300):
        scorer.update(images)
    values = scorer.compute()
    assert values["fid_low"] < values["fid"] < values["fid_high"] < 2
    assert values["fid_infinity"] < values["fid"]
    assert values["class_precision"] > 0.7
    assert values["class_recall"] > 0.7
    assert len(scorer.per_class["recall"]) == 10
    assert None not in scorer.per_class["recall"]
    halves = (scorer.per_class[f"half_{name}"] for name in ("images", "fid", "floor"))
    for size, distance, floor in zip(*halves, strict=True):
        assert 80 < size < 130
        assert floor / 2 < distance < 2 * floor
    assert abs(values["copying"]) < 3.5, "new digits are no copies"
    assert values["spectrum_error"] < 0.2
    assert abs(values["cmmd"]) < 1
    scorer.reset()
    scorer.update(others[0][1000:2000])
    copied = scorer.compute()
    assert copied["copying"] < -10
    assert copied["authenticity"] == 0


def test_without_training_images_beside_them_real_images_are_those(
    real: RealStatistics, extractor: DatasetClassifier, numerals: Labelled
) -> None:
    values = scored(real, extractor, numerals[0][:100], "memorisation")
    assert values == {"authenticity": 0}


def test_spectra_of_another_size_are_refused(
    real: RealStatistics, extractor: DatasetClassifier, numerals: Labelled
) -> None:
    spectrum = spectra.mean_spectrum(numerals[0][:10])
    scorer = Scorer(extractor=extractor, real=real, seed=0, groups=["spectrum"], spectrum=spectrum)
    with pytest.raises(ValueError, match="of another size than the real ones"):
        scorer.update(torch.zeros(6, 1, 40, 40, dtype=torch.uint8))
