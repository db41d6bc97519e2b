"""Scores while training and at the end: when, of what, and without a trace in the training."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import nn

from gan_lab.callbacks import scores as module
from gan_lab.callbacks.scores import Best, Scores
from gan_lab.callbacks.trigger import EveryNImages, interval
from gan_lab.config.allowed import resolve
from gan_lab.metrics import dataset_classifier
from gan_lab.metrics.extractors import Custom, Extractor
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.scorer import Scorer
from gan_lab.metrics.statistics import real_statistics
from gan_lab.models.latent import LatentGAN
from gan_lab.utils import images, seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from tests.conftest import (
    CONF,
    LATENT_DIM,
    SIZE,
    TinyImages,
    composed,
    fit,
    same,
    tiny_cgan,
    tiny_gan,
    tiny_network,
    weights,
)
from tests.metrics.test_score_record import PROTOCOL
from tests.models.test_cyclegan import TinyDomains, tiny_cyclegan


class Notes(Logger):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int | None, dict[str, float]]] = []

    name = version = "notes"  # type: ignore[assignment]

    def log_hyperparams(self, *_: Any, **__: Any) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.rows.append((step, dict(metrics)))

    def steps(self, name: str) -> list[int | None]:
        return [step for step, row in self.rows if name in row]

    def values(self, name: str) -> list[float]:
        return [row[name] for _, row in self.rows if name in row]


def pooling() -> Extractor:
    return Custom(module=nn.AvgPool2d(2), size=SIZE, channels=1, antialias=True)


def scoring(folder: Path, **options: Any) -> Scores:
    defaults: dict[str, Any] = {
        "extractor": pooling(),
        "weights": "ema",
        "every_n_images": 24,  # three batches
        "count_during": 20,
        "real_during": 40,
        "groups_during": ["fid", "manifold"],
        "count": 30,
        "groups": ["fid", "manifold"],
        "cache": str(folder / "cache"),
        "seed": 5,
    }
    return Scores(**defaults | options)


def restless() -> LatentGAN:
    """A model with everything that drawing could disturb: batch norm, dropout, a moving average."""
    torch.manual_seed(0)
    network = tiny_network()
    network["generator"] = nn.Sequential(
        nn.Linear(LATENT_DIM, 16), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.Linear(16, SIZE**2), nn.Tanh(),
        nn.Unflatten(1, (1, SIZE, SIZE)),
    )  # fmt: skip
    network["discriminator"] = nn.Sequential(nn.Dropout(0.3), network["discriminator"])
    return tiny_gan(network=network, ema_half_life=50)


@pytest.mark.parametrize(
    ("steps", "every", "expected"),
    [
        (10, 24, [3, 6, 9, 10]),  # batches of 8; the last state in any case
        (9, 24, [3, 6, 9]),
        (4, 20, [3, 4]),
        (3, 1000, [3]),
    ],
)
@pytest.mark.parametrize("log_every", [1, 4, 1000])
def test_scores_come_every_k_images_and_at_the_end(
    steps: int, every: int, expected: list[int], log_every: int, tmp_path: Path
) -> None:
    notes = Notes()
    options = {"logger": notes, "log_every_n_steps": log_every}
    fit(tiny_gan(), max_steps=steps, callbacks=[scoring(tmp_path, every_n_images=every)], **options)
    assert notes.steps("scores/fid") == notes.steps("scores/coverage") == expected
    assert notes.steps("final/fid") == [steps]
    assert notes.steps("loss/generator") == list(range(log_every, steps + 1, log_every))
    scored = [row for _, row in notes.rows if "scores/fid" in row]
    assert [row["images_seen"] for row in scored] == [8.0 * step for step in expected]


@pytest.mark.parametrize(("at_least", "expected"), [(0, [9]), (3, [3, 6, 9]), (9, list(range(1, 10)))])
def test_a_run_with_an_end_is_scored_as_often_as_it_should_be(
    at_least: int, expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_lab.callbacks.trigger.SHORTEST", 1)
    notes = Notes()
    scores = scoring(tmp_path, every_n_images=1000, at_least=at_least)
    fit(tiny_gan(), max_steps=9, callbacks=[scores], logger=notes)
    assert notes.steps("scores/fid") == expected


@pytest.mark.parametrize(("at_least", "expected"), [(0, [1, 9]), (3, [1, 3, 6, 9])])
def test_scores_come_seconds_apart_but_as_often_as_promised_and_at_the_end(
    at_least: int, expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_lab.callbacks.trigger.SHORTEST", 1)
    notes = Notes()
    scores = scoring(tmp_path, every_n_images=8, at_least=at_least, seconds_apart=1e6)
    fit(tiny_gan(), max_steps=9, callbacks=[scores], logger=notes)
    assert notes.steps("scores/fid") == expected
    assert scores.best is not None
    assert scores.best.value == min(notes.values("scores/fid"))


def test_images_of_both_domains_count_towards_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.callbacks.trigger.SHORTEST", 1)
    notes, scores = Notes(), scoring(tmp_path, every_n_images=1000, at_least=3)
    fit(tiny_cyclegan(), TinyDomains(), max_steps=6, callbacks=[scores], logger=notes)
    assert notes.steps("scores/a2b/fid") == [2, 4, 6]


RECIPES = sorted(file.stem for file in (CONF / "experiment").glob("*.yaml") if file.stem != "base")


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_has_ten_points_of_fid(recipe: str) -> None:
    config = composed(f"experiment={recipe}")
    scores = config.callbacks.scores
    assert "fid" in scores.groups_during
    batch = config.data.batch_size * resolve(config.model._target_, "model").images_per_place
    # How long an epoch is only the data know. A run by epochs may have any number of batches.
    for batches in [config.trainer.max_steps] if config.trainer.max_steps > 0 else [5_000, 19_999, 10**6]:
        trigger = EveryNImages(interval(scores.every_n_images, scores.at_least, batch * batches))
        assert batch * batches // trigger.every >= 10
        assert trigger.every >= batch, "one after another"
        assert trigger.is_due(batch * batches)


@pytest.mark.bits
def test_scoring_does_not_change_training(tmp_path: Path) -> None:
    watched, seldom, alone = restless(), restless(), restless()
    fit(watched, max_steps=7, callbacks=[scoring(tmp_path, every_n_images=1)])
    fit(seldom, max_steps=7, callbacks=[scoring(tmp_path, every_n_images=1, seconds_apart=1e6)])
    fit(alone, max_steps=7)
    assert same(weights(watched), weights(alone))
    assert same(weights(seldom), weights(alone))
    assert watched.training


@pytest.mark.bits
def test_a_resumed_run_ends_with_the_same_bits_and_scores_nothing_twice(tmp_path: Path) -> None:
    whole, stopped, resumed = restless(), restless(), restless()
    first, second = scoring(tmp_path), scoring(tmp_path)
    before, after = Notes(), Notes()
    trainer = fit(stopped, max_steps=6, callbacks=[first], logger=before)
    trainer.save_checkpoint(tmp_path / "stop.ckpt")
    fit(resumed, max_steps=9, callbacks=[second], logger=after, ckpt_path=tmp_path / "stop.ckpt")
    fit(whole, max_steps=9)
    assert same(weights(resumed), weights(whole))
    assert (before.steps("scores/fid"), after.steps("scores/fid")) == ([3, 6], [9])
    assert second.best is not None
    fids = before.values("scores/fid") + after.values("scores/fid")
    assert second.best.value == min(fids)
    assert second.best.images_seen == 24 * (fids.index(min(fids)) + 1)


@pytest.mark.parametrize("kind", ["ema", "raw"])
def test_values_are_those_of_a_scorer_fed_by_hand(kind: Any, tmp_path: Path) -> None:
    data, watch = TinyImages(), scoring(tmp_path, weights=kind)
    trainer = fit(model := restless(), data, max_steps=4, callbacks=[watch])

    def by_hand(real: LabelledImages, split: str, count: int) -> tuple[dict[str, float], str]:
        statistics = real_statistics(*real, pooling(), split=split, cache_folder=None)
        scorer = Scorer(extractor=pooling(), real=statistics, seed=5, groups=("fid", "manifold"))
        latents = model.seeded_latents(count, seeding.derive(5, "quality"))
        scorer.update(images.to_uint8(model.sample(latents, ema=kind == "ema")))
        return scorer.compute(), scorer.protocol(kind).id

    assert watch.final is not None
    assert watch.best is not None
    values, protocol = by_hand(data.load("test"), "test", 30)
    assert (watch.final.values, watch.final.protocol.id, watch.final.images_seen) == (values, protocol, 32)
    assert watch.final.protocol.weights == kind
    # While training, a fixed part of the training images is what counts.
    chosen = seeding.permutation(64, seeding.derive(0, "quality"))[:40].sort().values
    real_images, labels = data.load("train")
    values, protocol = by_hand((real_images[chosen], labels[chosen]), "train", 20)
    assert trainer.callback_metrics["scores/fid"].item() == pytest.approx(values["fid"], rel=1e-6)
    assert watch.best.protocol["id"] == protocol


def test_the_average_and_the_generator_as_it_is_score_differently(tmp_path: Path) -> None:
    finals = {}
    for kind in ("ema", "raw"):
        fit(restless(), max_steps=4, callbacks=[watch := scoring(tmp_path, weights=kind)])
        assert watch.final is not None
        finals[kind] = watch.final
    assert finals["ema"].values != finals["raw"].values
    assert finals["ema"].protocol.id != finals["raw"].protocol.id


def test_a_model_without_an_average_is_scored_as_what_it_is(tmp_path: Path) -> None:
    fit(tiny_gan(ema_half_life=None), max_steps=1, callbacks=[watch := scoring(tmp_path, weights="ema")])
    assert watch.final is not None
    assert watch.final.protocol.weights == "raw"


def test_class_accuracy_of_a_conditional_model_is_scored(tmp_path: Path) -> None:
    watch = scoring(tmp_path, extractor=dataset_classifier.shipped(), groups=["classes"])
    fit(tiny_cgan(), max_steps=1, callbacks=[watch])
    assert watch.final is not None
    right = watch.final.values["class_accuracy"] * 30
    assert right == pytest.approx(round(right)), "a share of 30 images"
    assert sum(watch.final.class_counts) == 30


def test_other_callbacks_can_monitor_the_scores(tmp_path: Path) -> None:
    keep = ModelCheckpoint(
        dirpath=tmp_path / "kept", filename="{step}", monitor="scores/fid", save_top_k=1, every_n_train_steps=3
    )
    notes = Notes()
    options = {"callbacks": [scoring(tmp_path), keep], "enable_checkpointing": True, "logger": notes}
    fit(tiny_gan(), max_steps=9, **options)
    fids = notes.values("scores/fid")
    assert keep.best_model_score is not None
    assert keep.best_model_score.item() == pytest.approx(min(fids))
    assert Path(keep.best_model_path).stem == f"step={3 * (fids.index(min(fids)) + 1)}"


def test_what_was_scored_in_another_way_is_not_the_best(tmp_path: Path) -> None:
    first, second = scoring(tmp_path), scoring(tmp_path, count_during=25)
    trainer = fit(tiny_gan(), max_steps=3, callbacks=[first])
    assert first.best is not None
    first.best = module.Best(24, "fid", 0.0, first.best.protocol)
    trainer.save_checkpoint(tmp_path / "stop.ckpt")
    fit(tiny_gan(), max_steps=6, callbacks=[second], ckpt_path=tmp_path / "stop.ckpt")
    assert second.best is not None
    assert (second.best.images_seen, second.best.protocol["n_fake"]) == (48, 25)


def test_without_fid_nothing_is_the_best(tmp_path: Path) -> None:
    fit(tiny_gan(), max_steps=3, callbacks=[watch := scoring(tmp_path, groups_during=["manifold"])])
    assert watch.best is None
    assert watch.results().keys() == {"scores"}


def test_a_score_that_is_no_number_is_not_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scorer, "compute", lambda scorer: {"fid": float("nan")})
    fit(tiny_gan(), max_steps=3, callbacks=[watch := scoring(tmp_path)])
    assert watch.best is None


def test_a_model_that_translates_is_scored_in_both_directions(tmp_path: Path) -> None:
    notes, watch, watched, alone = Notes(), scoring(tmp_path), tiny_cyclegan(), tiny_cyclegan()
    fit(watched, TinyDomains(), max_steps=7, callbacks=[watch], logger=notes)
    assert notes.steps("scores/a2b/fid") == notes.steps("scores/cycle_error") == [3, 6, 7]
    assert notes.steps("final/b2a/fid") == [7]
    assert watch.final is not None
    assert (watch.final.protocol.split, watch.final.protocol.n_real, watch.final.protocol.n_fake) == ("test", 32, 30)
    fids = notes.values("scores/fid")
    assert watch.best is not None
    assert (watch.best.by, watch.best.value) == ("fid", min(fids))
    assert (watch.best.protocol["split"], watch.best.protocol["directions"]) == ("train", "a2b b2a")
    fit(alone, TinyDomains(), max_steps=7)
    assert same(weights(watched), weights(alone)), "scoring changes nothing"


def test_without_an_extractor_translations_keep_the_way_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "make_extractor", Mock(side_effect=UserError("the weights are missing")))
    fit(tiny_cyclegan(), TinyDomains(), max_steps=1, callbacks=[watch := scoring(tmp_path, extractor="auto")])
    assert "There will be no FID and its kind. the weights are missing. Or name one" in caplog.text
    assert watch.final is not None
    assert watch.final.values.keys() == {"cycle_error"}
    assert watch.best is None


def test_where_nothing_is_scored_nobody_is_asked_for_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(SingleDeviceStrategy, "broadcast", lambda self, value: said.append(value) or value)

    def answers(**options: Any) -> list[object]:
        said.clear()
        fit(tiny_gan(), max_steps=9, callbacks=[scoring(tmp_path, seconds_apart=1e6, **options)])
        return [value for value in said if isinstance(value, bool)]

    assert answers() == [True, False, False]
    monkeypatch.setattr(module, "make_extractor", Mock(side_effect=UserError("the weights are missing")))
    assert answers(extractor="auto") == []


@pytest.mark.parametrize(
    ("values", "by", "expected"),
    [
        ({"fid": 3.0, "psnr": 20.0}, module.BY_ITSELF, ("fid", 3.0)),
        ({"fid": 3.0, "psnr": 20.0}, ["psnr"], ("psnr", 20.0)),
        ({"psnr": 20.0}, module.BY_ITSELF, ("psnr", 20.0)),
        ({"fid": 3.0}, ["a2b/lpips"], None),
        ({"cycle_error": 0.1, "fid": float("nan")}, module.BY_ITSELF, None),
    ],
)
def test_the_best_goes_by_the_named_score_or_the_first_that_there_is(
    values: dict[str, float], by: Any, expected: tuple[str, float] | None
) -> None:
    found = Best.of(ScoreRecord(images_seen=24, values=values, protocol=PROTOCOL), by)
    assert (found and (found.by, found.value)) == expected


@pytest.mark.parametrize(
    ("by", "better", "worse"),
    [
        ("fid", 1.0, 2.0),
        ("kid", -0.1, 0.1),
        ("psnr", 21.0, 20.0),
        ("a2b/recall", 0.5, 0.4),
        ("b2a/lpips", 0.1, 0.2),
        ("copying", -0.5, -3.0),
        ("copying", -0.5, 2.0),
        ("spectrum_high", 1.0, -2.0),
    ],
)
def test_the_direction_that_is_better_is_that_of_the_score(by: str, better: float, worse: float) -> None:
    protocol = PROTOCOL.to_dict()
    assert Best(8, by, better, protocol).is_better_than(Best(4, by, worse, protocol))
    assert not Best(8, by, worse, protocol).is_better_than(Best(4, by, better, protocol))
    assert not Best(8, by, worse, protocol).is_better_than(Best(4, by, worse, protocol))


def test_a_score_by_another_name_or_of_another_protocol_is_no_competitor() -> None:
    protocol = PROTOCOL.to_dict()
    assert Best(8, "psnr", 20.0, protocol).is_better_than(Best(4, "fid", 1.0, protocol))
    assert Best(8, "fid", 3.0, protocol).is_better_than(Best(4, "fid", 1.0, {"id": "other"}))
    assert Best(8, "fid", 3.0, protocol | {"labels": "data"}).is_better_than(Best(4, "fid", 1.0, protocol)), "in turn"


def test_the_best_survives_a_checkpoint(tmp_path: Path) -> None:
    before, after = scoring(tmp_path), scoring(tmp_path)
    before.best = Best(24, "a2b/psnr", 20.0, PROTOCOL.to_dict())
    after.load_state_dict(before.state_dict())
    assert after.best == before.best
    told = {"images_seen": 24, "by": "a2b/psnr", "a2b/psnr": 20.0, "minimised": -20.0, "protocol": PROTOCOL.to_dict()}
    assert after.results() == {"best": told}


@pytest.mark.parametrize(("name", "value"), [("fid", 3.0), ("psnr", 20.0)])
def test_the_best_of_an_older_checkpoint_is_understood(name: str, value: float, tmp_path: Path) -> None:
    state: Any = {"scored_at": 24, "best": {"images_seen": 24, name: value, "protocol": {}}}
    (watch := scoring(tmp_path)).load_state_dict(state)
    assert watch.best == Best(24, name, value, {})


@pytest.mark.parametrize("by", ["recall", "kid", "spectrum_error"])
def test_any_score_while_training_decides(by: str, tmp_path: Path) -> None:
    notes, watch = Notes(), scoring(tmp_path, groups_during=["manifold", "kid", "spectrum"], best_by=by)
    fit(tiny_gan(), max_steps=9, callbacks=[watch], logger=notes)
    values = notes.values(f"scores/{by}")
    assert watch.best is not None
    best = max(values) if by == "recall" else min(values)
    assert (watch.best.by, watch.best.value) == (by, best)
    assert watch.best.images_seen == 24 * (values.index(best) + 1)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (
            "beauty",
            "best_by=beauty: is not computed while training; choose auto, fid, precision, recall, density, cove",
        ),
        ("kid", r"auto, .*, or callbacks\.scores\.groups_during=\[fid,manifold,kid\]"),
        ("psnr", "best_by=psnr: is not computed while training; choose auto, fid"),
        ("a2b/fid", r"best_by=a2b/fid: is not computed while training; choose auto, fid, precision"),
    ],
)
def test_a_score_that_is_not_computed_is_refused_before_training(by: str, message: str, tmp_path: Path) -> None:
    watch = scoring(tmp_path, best_by=by)
    with pytest.raises(UserError, match=message):
        watch.check(tiny_gan(), TinyImages())
    with pytest.raises(UserError, match=message):
        fit(tiny_gan(), max_steps=1, callbacks=[watch])


@pytest.mark.parametrize("by", ["inception_score", "class_accuracy", "modes", "copying"])
def test_what_the_extractor_or_the_data_lack_is_refused_once_they_are_known(by: str, tmp_path: Path) -> None:
    watch = scoring(tmp_path, groups_during=["fid", "inception_score", "classes", "memorisation"], best_by=by)
    watch.check(tiny_cgan(), TinyImages())
    with pytest.raises(
        UserError, match=f"best_by={by}: is not computed while training; choose auto, fid, authenticity$"
    ):
        fit(tiny_cgan(), max_steps=1, callbacks=[watch])


def test_a_run_that_goes_on_without_its_score_goes_by_what_there_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = fit(tiny_gan(), max_steps=3, callbacks=[scoring(tmp_path)])
    trainer.save_checkpoint(tmp_path / "stop.ckpt")
    resumed = scoring(tmp_path, best_by="psnr")
    fit(tiny_gan(), max_steps=6, callbacks=[resumed], ckpt_path=tmp_path / "stop.ckpt")
    assert "callbacks.scores.best_by=psnr: is not computed while training" in caplog.text
    assert resumed.best is not None
    assert resumed.best.by == "fid"


def test_translations_are_chosen_by_a_direction(tmp_path: Path) -> None:
    watch = scoring(tmp_path, best_by="b2a/coverage")
    watch.check(tiny_cyclegan(), TinyDomains())
    fit(tiny_cyclegan(), TinyDomains(), max_steps=3, callbacks=[watch])
    assert watch.best is not None
    assert watch.best.by == "b2a/coverage"
    with pytest.raises(UserError, match="choose auto, fid, a2b/fid, a2b/precision, .*, cycle_error$"):
        scoring(tmp_path, best_by="a2b/psnr").check(tiny_cyclegan(), TinyDomains())


@pytest.mark.parametrize("option", ["groups_during", "groups"])
@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("cmmd", "cmmd: is of CLIP's features; set callbacks.scores.extractor=clip"),
        ("path_length", "LPIPS needs images of"),
    ],
)
def test_a_group_that_the_extractor_lacks_is_refused(option: str, group: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"callbacks.scores.{option}: .*{message}"):
        fit(tiny_gan(), max_steps=1, callbacks=[scoring(tmp_path, **{option: ["fid", group]})])


def test_the_further_groups_are_computed_while_training(tmp_path: Path) -> None:
    further = ["fid_infinity", "fid_interval", "memorisation", "spectrum", "class_manifold", "path_length"]
    notes, model = Notes(), tiny_cgan()
    watch = scoring(tmp_path, extractor=dataset_classifier.shipped(), groups_during=further, count_during=80)
    fit(model, max_steps=3, callbacks=[watch], logger=notes)
    named = {name.removeprefix("scores/") for _, row in notes.rows for name in row if name.startswith("scores/")}
    assert watch.during is not None
    assert {*watch.during.names(model)} == named - {"fid_low", "fid_high"}
    assert named > {"fid_infinity", "fid_low", "authenticity", "spectrum_error", "class_recall", "path_length"}


def test_no_extractor_means_no_scores_and_one_line_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(*_: Any, **__: Any) -> Extractor:
        raise UserError("the weights are missing. Download them")

    monkeypatch.setattr(module, "make_extractor", missing)
    notes = Notes()
    fit(tiny_gan(), max_steps=3, callbacks=[watch := scoring(tmp_path, extractor="auto")], logger=notes)
    (line,) = [record.getMessage() for record in caplog.records if record.name == module.__name__]
    assert line == (
        "There will be no scores. the weights are missing. Download them. Or name one: callbacks.scores.extractor"
    )
    assert notes.rows == []
    assert watch.results() == {}
    with pytest.raises(UserError, match="the weights are missing"):
        fit(tiny_gan(), max_steps=3, callbacks=[scoring(tmp_path, extractor="inception")])
    with pytest.raises(UserError, match="the weights are missing"):
        fit(tiny_gan(), max_steps=3, callbacks=[scoring(tmp_path, extractor="auto", resize="tensorflow1")])


def test_the_extractor_is_resized_for_and_fetched_as_the_options_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "make_extractor", lambda *_, **options: asked.append(options) or pooling())
    for options in ({}, {"resize": "tensorflow1", "download": True}):
        fit(tiny_gan(), max_steps=1, callbacks=[scoring(tmp_path, extractor="auto", **options)])
    assert asked == [{"resize": "antialiased", "download": False}, {"resize": "tensorflow1", "download": True}]
    for extractor in ("classifier", pooling()):
        with pytest.raises(ValueError, match="resize=tensorflow1: is for extractor=inception; others have their own"):
            scoring(tmp_path, extractor=extractor, resize="tensorflow1")


@pytest.mark.parametrize("test_images", [0, 5])
def test_too_few_test_images_leave_the_scores_while_training(
    test_images: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Untested(TinyImages):
        def load(self, split: str) -> LabelledImages:
            pixels, labels = super().load(split)
            if split == "test" and not test_images:
                raise UserError("data.test_fraction=0 keeps none for testing")
            count = None if split == "train" else test_images
            return LabelledImages(pixels[:count], labels[:count])

    fit(tiny_gan(), Untested(), max_steps=3, callbacks=[watch := scoring(tmp_path)])
    assert "There will be no scores against the test split" in caplog.text
    assert watch.results().keys() == {"best"}


def test_statistics_are_computed_once(tmp_path: Path) -> None:
    fit(tiny_gan(), max_steps=1, callbacks=[scoring(tmp_path)])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache" / "statistics").iterdir()}
    assert len(before) == 2
    fit(tiny_gan(), max_steps=1, callbacks=[scoring(tmp_path, seed=6)])
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache" / "statistics").iterdir()} == before
