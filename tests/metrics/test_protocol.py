import json
from dataclasses import replace
from typing import Any

import pytest

from gan_lab.metrics import dataset_classifier, inception
from gan_lab.metrics.protocol import Protocol, extractor_hash
from gan_lab.utils.errors import UserError

IDENTITY = {"name": "digits MNIST", "sha256": "a" * 64, "input_size": 28, "antialias": True, "accuracy": 0.995}

TEST_DIGITS = "78925c37ef1bc4b494bc25f964ce33e4eb092621c8731c41ef6befa429a14e74"  # MNIST's 10,000


def protocol(**values: Any) -> Protocol:
    defaults: dict[str, Any] = {
        "extractor": IDENTITY,
        "data": "d" * 64,
        "split": "test",
        "n_real": 10_000,
        "n_fake": 10_000,
        "weights": "ema",
        "seed": 0,
    }
    return Protocol(**defaults | values)


def test_it_survives_json() -> None:
    written = protocol()
    read = Protocol.from_dict(json.loads(json.dumps(written.to_dict())))
    assert read == written
    assert read.id == written.id == written.to_dict()["id"]
    assert {"torch", "torchmetrics", "gan_lab"} == set(read.versions)


def test_the_id_is_the_published_one() -> None:
    """Of docs/results.md and docs/gallery.md: had it changed, new scores could not be held against those."""
    assert protocol(extractor=dataset_classifier.shipped().identity, data=TEST_DIGITS).id == "0404a3ac"


def test_labels_count_where_they_are_not_those_of_the_data() -> None:
    without, like, in_turn = protocol(), protocol(labels="data"), protocol(labels="in turn")
    assert like.id == without.id != in_turn.id
    assert like.difference(in_turn) == ["labels: None and in turn"]
    assert Protocol.from_dict(like.to_dict()) == like


def test_each_way_to_resize_for_inception_has_its_id() -> None:
    assert protocol(extractor=inception.identity(antialias=True)).id == "75e16ea2"
    assert protocol(extractor=inception.identity(antialias=False)).id == "482d4cc8"


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"n_fake": 1000}, "n_fake: 10,000 and 1,000"),
        ({"n_real": 5000}, "n_real: 10,000 and 5,000"),
        ({"weights": "raw"}, "weights: ema and raw"),
        ({"split": "train"}, "split: test and train"),
        ({"data": "e" * 64}, "data: dddddddd and eeeeeeee"),
        ({"dtype": "float32"}, "dtype: float64 and float32"),
        ({"definitions": 2}, "definitions: 1 and 2"),
        ({"extractor": IDENTITY | {"antialias": False}}, "extractor antialias: True and False"),
        ({"extractor": IDENTITY | {"sha256": "b" * 64}}, "extractor sha256: aaaaaaaa and bbbbbbbb"),
        ({"extractor": IDENTITY | {"grey": "mean"}}, "extractor grey: None and mean"),
    ],
)
def test_what_makes_numbers_incomparable_is_named(changed: dict[str, Any], difference: str) -> None:
    assert protocol().difference(protocol(**changed)) == [difference]
    assert protocol().id != protocol(**changed).id


@pytest.mark.parametrize(
    "changed", [{"seed": 7}, {"versions": {"torch": "3"}}, {"extractor": IDENTITY | {"accuracy": 0.5}}]
)
def test_what_moves_a_score_within_its_noise_only_does_not_count(changed: dict[str, Any]) -> None:
    assert protocol().difference(protocol(**changed)) == []
    assert protocol().id == protocol(**changed).id
    assert protocol() != protocol(**changed), "but it is recorded"


def test_what_holds_for_translations_only_is_counted_and_written_there_only() -> None:
    translated = protocol(task="paired", directions="a2b", source="c" * 64)
    assert protocol().to_dict().keys() & {"task", "directions", "source"} == set()
    assert Protocol.from_dict(translated.to_dict()) == translated
    assert protocol().difference(translated) == [
        "task: None and paired",
        "directions: None and a2b",
        "source: None and cccccccc",
    ]
    others = [protocol(task="unpaired", directions="a2b", source="c" * 64), protocol(task="paired", directions="b2a")]
    assert len({one.id for one in (protocol(), translated, *others)}) == 4
    with pytest.raises(UserError, match="a score's protocol can't be read"):
        Protocol.from_dict(translated.to_dict() | {"task": "both"})


def test_every_difference_is_named() -> None:
    assert len(protocol().difference(protocol(n_fake=1, weights="given", split="train"))) == 3


def test_few_images_are_said_so() -> None:
    assert not protocol().small
    assert protocol().label("FID") == "FID"
    assert protocol(n_fake=1000).label("FID") == "FID (n=1,000, biased)"
    assert protocol(n_real=500).label("FID") == "FID (n=500, biased)"


@pytest.mark.parametrize(
    "change",
    [{"seed": None, "n_fakes": 3}, {"weights": "best"}, {"extractor": "digits"}],
)
def test_a_protocol_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="a score's protocol can't be read"):
        Protocol.from_dict(protocol().to_dict() | change)
    with pytest.raises(UserError, match="can't be read: data, definitions, .*"):
        Protocol.from_dict({})


def test_it_does_not_change() -> None:
    with pytest.raises(AttributeError):
        protocol().seed = 3  # type: ignore[misc]
    assert replace(protocol(), seed=3).seed == 3


def test_an_extractors_hash_is_of_what_decides_its_features() -> None:
    assert extractor_hash(IDENTITY) == extractor_hash(IDENTITY | {"accuracy": 0.1})
    assert extractor_hash(IDENTITY) != extractor_hash(IDENTITY | {"input_size": 32})
