import json

import pytest

from gan_lab.metrics.protocol import Protocol
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.utils.errors import UserError

PROTOCOL = Protocol(
    extractor={"name": "tiny"}, data="0" * 64, split="test", n_real=20, n_fake=10, weights="ema", seed=0
)


@pytest.mark.parametrize("images_seen", [640, None])
@pytest.mark.parametrize("counts", [[], [3, 7]])
def test_records_survive_json(images_seen: int | None, counts: list[int]) -> None:
    record = ScoreRecord(images_seen=images_seen, values={"fid": 1.5}, protocol=PROTOCOL, class_counts=counts)
    record_values = json.loads(json.dumps(record.to_dict()))
    assert {"images_seen", "values", "protocol"} <= record_values.keys()
    assert record_values["protocol"]["id"] == PROTOCOL.id
    assert ScoreRecord.from_dict(record_values | {"added": "later"}, "run.json") == record


@pytest.mark.parametrize(
    "record_values",
    [
        {},
        {"images_seen": 1, "values": [1.0], "protocol": PROTOCOL.to_dict()},
        {"images_seen": 1, "values": {"fid": "good"}, "protocol": PROTOCOL.to_dict()},
        {"images_seen": "many", "values": {}, "protocol": PROTOCOL.to_dict()},
        {"images_seen": 1, "values": {}, "protocol": {"split": "test"}},
        {"images_seen": 1, "values": {}, "protocol": None},
    ],
)
def test_what_is_no_record_is_named_by_its_source(record_values: dict[str, object]) -> None:
    with pytest.raises(UserError, match="run.json: its scores can't be read"):
        ScoreRecord.from_dict(record_values, "run.json")
