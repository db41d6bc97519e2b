"""Scores of translators, on translators of which it is known how good they are."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.metrics import scores, translation_scores
from gan_lab.metrics.extractors import Custom, Extractor
from gan_lab.metrics.pixel_scores import absolute_error, psnr, ssim
from gan_lab.metrics.protocol import Protocol
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.statistics import real_statistics
from gan_lab.metrics.translation_scores import Translations
from gan_lab.utils import hashes
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from gan_lab.utils.images import to_float, to_uint8

SIZE = 12


class Data:
    """Grey images and their negatives, in the same order; a network gets them upside down."""

    image_size = native_size = (SIZE, SIZE)
    eval_split = "test"

    def __init__(self, paired: bool, count: int = 20, validation: int = 0) -> None:
        self.paired = paired
        self.counts = {"train": count, "test": count - 2} | ({"validation": validation} if validation else {})
        self.splits: dict[str, tuple[LabelledImages, LabelledImages]] = {}

    def setup(self, stage: str) -> None:
        for split, count in self.counts.items():
            generator = torch.Generator().manual_seed(len(split))
            images = torch.randint(0, 256, (count, 1, SIZE, SIZE), dtype=torch.uint8, generator=generator)
            labels = torch.zeros(count, dtype=torch.long)
            self.splits[split] = LabelledImages(images, labels), LabelledImages(255 - images, labels)

    def describe(self) -> dict[str, object]:
        return {"name": "negatives", "substitute": False}

    def to_source(self, pixels: Tensor) -> Tensor:
        return to_float(pixels).flip(2)

    def render(self, source: Tensor, translated: Tensor) -> Tensor:
        return translated.flip(2)


def translator(*directions: str, **functions: Callable[[Tensor], Tensor]) -> Any:
    """A model of which each direction makes the negative, if no function is given."""

    def translate(images: Tensor, direction: str, ema: bool) -> Tensor:
        assert ema
        return functions.get(direction, torch.neg)(images)

    return SimpleNamespace(
        directions=directions, translate=translate, generator_ema=None, images_seen=7, device=torch.device("cpu")
    )


def pooling(pool: type[nn.Module] = nn.AvgPool2d) -> Extractor:
    return Custom(module=pool(SIZE // 2), size=SIZE, channels=1, antialias=True)


def subject(model: Any, data: Data, folder: Path, extractor: Any = pooling) -> Translations:
    return Translations.of(model, data, folder, lambda real: extractor(), seed=3)


def scored(
    model: Any, data: Data, folder: Path, extractor: Any = pooling, split: str = "test", **options: Any
) -> ScoreRecord:
    defaults: dict[str, Any] = {"groups": ["fid", "manifold", "classes"], "count": 100}
    return subject(model, data, folder, extractor).against(split, **defaults | options).score(model, ema=True)


def dimmed(images: Tensor) -> Tensor:
    """Negatives of which white has become grey."""
    return (-images).clamp(max=0.5)


def test_pairs_are_compared_pixel_by_pixel(tmp_path: Path) -> None:
    model, data = translator("a2b", a2b=dimmed), Data(paired=True)
    record = scored(model, data, tmp_path)
    (sources, _), (targets, _) = data.splits["test"]
    translated = to_uint8(dimmed(to_float(sources)))
    errors = {"psnr": psnr, "mae": absolute_error, "ssim": ssim}
    assert {name: record.values[name] for name in errors} == pytest.approx(
        {name: error(translated, targets).mean().item() for name, error in errors.items()}
    )
    assert record.values.keys() == {*errors, "fid", "precision", "recall", "density", "coverage"}
    assert record.images_seen == 7


def test_what_is_right_scores_as_such(tmp_path: Path) -> None:
    values = scored(translator("a2b"), Data(paired=True), tmp_path).values
    assert (values["mae"], values["fid"], values["coverage"]) == pytest.approx((0, 0, 1), abs=1e-6)
    assert values["ssim"] == pytest.approx(1)


def test_without_pairs_each_direction_is_held_against_its_targets(tmp_path: Path) -> None:
    data = Data(paired=False)
    values = scored(translator("a2b", "b2a", a2b=dimmed), data, tmp_path).values
    assert values["b2a/fid"] == pytest.approx(0, abs=1e-6)
    assert values["a2b/fid"] > 0.01
    assert values["fid"] == pytest.approx((values["a2b/fid"] + values["b2a/fid"]) / 2)
    assert values["b2a/coverage"] == 1
    assert not any("psnr" in name for name in values)
    (target, labels) = data.splits["test"][1]
    statistics = real_statistics(target, labels, pooling(), split="test", cache_folder=None)
    translated = to_uint8(dimmed(to_float(data.splits["test"][0].images)))
    assert values["a2b/fid"] == pytest.approx(scores.frechet_distance(statistics.moments, pooling()(translated)))


def test_the_way_back_starts_from_what_a_file_holds(tmp_path: Path) -> None:
    data = Data(paired=False)
    hiding = translator("a2b", "b2a", a2b=lambda images: images / 1000, b2a=lambda images: images * 1000)
    values = scored(hiding, data, tmp_path, extractor=lambda: None).values
    assert values.keys() == {"cycle_error"}
    assert 0.1 < values["cycle_error"] < 0.5
    assert scored(translator("a2b", "b2a"), data, tmp_path).values["cycle_error"] == 0


def test_one_direction_without_pairs_has_only_features(tmp_path: Path) -> None:
    model, data = translator("a2b"), Data(paired=False)
    assert scored(model, data, tmp_path, groups=["fid"]).values.keys() == {"fid"}
    assert not subject(model, data, tmp_path, extractor=lambda: None).is_scored
    assert subject(model, Data(paired=True), tmp_path, extractor=lambda: None).is_scored


def test_few_images_leave_the_pixels(tmp_path: Path) -> None:
    assert scored(translator("a2b"), Data(paired=True, count=7), tmp_path).values.keys() == {"psnr", "mae", "ssim"}
    with pytest.raises(UserError, match="it has 5 images"):
        scored(translator("a2b"), Data(paired=False, count=7), tmp_path)


def test_choices_go_by_training_images_or_by_a_validation_split(tmp_path: Path) -> None:
    model = translator("a2b")
    assert subject(model, Data(paired=True), tmp_path).split_during == "train"
    held_out = Data(paired=True, validation=9)
    assert subject(model, held_out, tmp_path).split_during == "validation"
    assert scored(model, held_out, tmp_path, split="validation").protocol.n_real == 9


def test_the_protocol_names_all_that_the_scores_depend_on(tmp_path: Path) -> None:
    data = Data(paired=True)
    protocol = scored(translator("a2b"), data, tmp_path).protocol
    (sources, labels), (targets, _) = data.splits["test"]
    assert (protocol.task, protocol.directions, protocol.split, protocol.weights) == ("paired", "a2b", "test", "raw")
    assert (protocol.n_real, protocol.n_fake) == (18, 18)
    assert protocol.data == hashes.of_tensors(targets, labels)
    assert protocol.source == hashes.of_tensors(sources, targets)
    assert protocol.extractor == pooling().identity
    assert Protocol.from_dict(protocol.to_dict()) == protocol

    def differs(*directions: str, **options: Any) -> str:
        paired = options.pop("paired", True)
        return scored(translator(*directions), Data(paired=paired), tmp_path, **options).protocol.id

    others = [
        differs("a2b", paired=False),
        differs("a2b", "b2a"),
        differs("a2b", count=9),
        differs("a2b", at_most=9),
        differs("a2b", split="train"),
        differs("a2b", extractor=lambda: None),
        differs("a2b", extractor=lambda: pooling(nn.MaxPool2d)),
    ]
    assert len({protocol.id, *others}) == 8
    assert differs("a2b") == protocol.id


def test_two_directions_have_the_protocol_of_both(tmp_path: Path) -> None:
    own = iter([pooling(), pooling(nn.MaxPool2d)])
    protocol = scored(translator("a2b", "b2a"), Data(paired=False), tmp_path, extractor=lambda: next(own)).protocol
    assert protocol.extractor["name"] == "torch.nn.modules.pooling.AvgPool2d, torch.nn.modules.pooling.MaxPool2d"
    assert protocol.directions == "a2b b2a"
    same = scored(translator("a2b", "b2a"), Data(paired=False), tmp_path).protocol
    assert same.extractor == pooling().identity


def test_the_same_images_are_translated_each_time_and_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = translator("a2b", a2b=dimmed), Data(paired=True)
    whole = scored(model, data, tmp_path, count=9).values
    monkeypatch.setattr(translation_scores, "VALUES_AT_ONCE", 4 * SIZE**2)
    assert scored(model, data, tmp_path, count=9).values == pytest.approx(whole)


def test_lpips_is_for_pairs_and_missing_weights_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(translation_scores, "SMALLEST", SIZE)
    for paired in (False, True):
        subject(translator("a2b"), Data(paired=paired), tmp_path)
    (line,) = caplog.messages
    assert line.startswith("There will be no LPIPS: LPIPS needs https://")

    class Everywhere(nn.Module):
        def forward(self, images: Tensor, targets: Tensor) -> Tensor:
            return torch.full((len(images),), 0.25, dtype=torch.float64)

    monkeypatch.setattr(translation_scores, "Perceptual", Everywhere)
    assert scored(translator("a2b"), Data(paired=True), tmp_path).values["lpips"] == 0.25


def test_a_measure_counts_the_translations_of_all_directions(tmp_path: Path) -> None:
    for directions, count, expected in ((("a2b",), 12, 12), (("a2b", "b2a"), 12, 24), (("a2b",), 100, 18)):
        measure = subject(translator(*directions), Data(paired=True), tmp_path).against("test", groups=[], count=count)
        assert measure.count == expected
