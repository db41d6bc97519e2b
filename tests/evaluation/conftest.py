"""What the tests of comparing share: folders of runs with scores, made without training."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.runs.run import Run
from tests.conftest import composed
from tests.metrics.test_score_record import PROTOCOL

MakeRun = Callable[..., Run]
composed_once = cache(composed)


@pytest.fixture
def make(tmp_path: Path) -> MakeRun:
    """Makes the folder of a run: its overrides, its final scores, its images seen, and what differs in the protocol."""

    def make(
        name: str,
        *overrides: str,
        final: dict[str, float] | None = None,
        seen: int = 640,
        evaluations: tuple[dict[str, Any], ...] = (),
        **protocol: Any,
    ) -> Run:
        run = Run(tmp_path / "logs" / name)
        run.save_config(composed_once(*overrides))
        (run.folder / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(list(overrides)))
        model = next((part.partition("=")[2] for part in overrides if part.startswith("model=")), "dcgan")
        choices = {"hydra": {"runtime": {"choices": {"model": model, "data": "mnist"}}}}
        (run.folder / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump(choices))
        run.update_record(status="finished", images_per_second=100.0)
        if final:
            run.update_record(scores=scores(final, seen, **protocol).to_dict())
        for changes in evaluations:
            record = scores(**{"values": {"fid": 9.0}, "seen": seen} | changes)
            file = run.folder / "evaluations" / f"{record.protocol.id}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(record.to_dict()))
        return run

    return make


def scores(values: dict[str, float], seen: int, **protocol: Any) -> ScoreRecord:
    return ScoreRecord(images_seen=seen, values=values, protocol=replace(PROTOCOL, **protocol))
