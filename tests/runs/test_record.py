import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

import pytest
import torch

from gan_lab.cli import main
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.runs.record import Record, best_score
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.metrics.test_score_record import PROTOCOL
from tests.wrong_inputs.given import BOMB

HOSTILE = [None, True, -1, 10**30, 1.5, float("nan"), float("inf"), "x\x1b]0;x\x07", [], [None], {}, {"fid": "x"}]
FIELDS = [name for name in get_type_hints(Record) if not name.startswith("__")]


def ending_of(*arguments: str) -> str | None:
    try:
        main(arguments)
    except SystemExit as ending:
        return str(ending.code)
    return None


@pytest.mark.parametrize("field", FIELDS)
def test_whatever_a_field_holds_ends_in_a_line_or_a_table(
    field: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in HOSTILE:
        run.record_file.write_text(json.dumps({"status": "finished", "images_seen": 1, field: value}))
        for command in ("status", "compare"):
            said = ending_of(command, str(run.folder))
            assert said is None or said.startswith("Error: "), (field, value)
        printed = "".join(capsys.readouterr())
        assert "\x1b" not in printed


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "lacks status"),
        ({"status": "great"}, "holds status='great': must be"),
        ({"status": "finished", "batches": "many"}, "holds batches='many': must be a valid integer"),
        ({"status": "finished", "seconds": float("inf")}, "holds seconds=inf: must be"),
        (
            {"status": "finished", "best": {"images_seen": 1, "fid": None}},
            "holds best.fid=None: must be a valid number",
        ),
        (
            {"status": "finished", "best": {"by": "kid"}},
            "holds best=.*must be a score with the number kid",
        ),
        ({"status": "finished", "best": {"by": "kid", "kid": "x"}}, "holds best=.*must be a score with the number kid"),
        ({"status": "finished", "ended": "2020-01-01"}, "holds ended='2020-01-01': must be a time with its offset"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(values: dict[str, object], said: str, run: Run) -> None:
    run.record_file.write_text(json.dumps(values))
    with pytest.raises(UserError, match=f"run\\.json {said}"):
        run.record()


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        ({"fid": 3.0}, ("fid", 3.0, 3.0)),
        ({"psnr": 20.0}, ("psnr", 20.0, -20.0)),
        ({"by": "recall", "recall": 0.5, "minimised": -0.5}, ("recall", 0.5, -0.5)),
        ({}, None),
    ],
)
def test_the_best_is_found_under_its_name_old_or_new(
    best: dict[str, object], expected: tuple[str, float, float] | None, run: Run
) -> None:
    run.update_record(best=best)
    assert best_score(run.record()) == expected
    assert run.objective() == (expected and expected[2])


def test_values_that_nobody_reads_are_kept(run: Run) -> None:
    run.record_file.write_text(json.dumps({"status": "finished", "mine": [1, {"a": None}]}))
    run.update_record(batches=3)
    assert run.record() == {"status": "finished", "mine": [1, {"a": None}], "batches": 3}


def hydra_bomb(run: Run) -> None:
    for file in (run.overrides_file, run.hydra_file):
        file.write_text(BOMB)


# By file, what it holds, the command: a line of error, or the table without it.
MALFORMED: list[tuple[Callable[[Run], object], str, str | None]] = [
    (lambda run: os.mkfifo(emptied(run.record_file)), "status", "run"),
    (lambda run: emptied(run.record_file).mkdir(), "compare", "run"),
    (lambda run: os.mkfifo(emptied(run.config_file)), "sample", "run"),
    (lambda run: os.mkfifo(emptied(run.checkpoint)), "sample", "run"),
    (lambda run: emptied(run.checkpoint).mkdir(), "sample", "run"),
    (lambda run: torch.save({"state_dict": "x", "images_seen": 1}, run.checkpoint), "sample", "does not fit"),
    (
        lambda run: torch.save({"state_dict": {}, "images_seen": "x"}, run.checkpoint),
        "sample",
        "does not fit",
    ),
    (hydra_bomb, "compare", None),
    (lambda run: run.overrides_file.write_text("a: 1"), "compare", None),
    (lambda run: run.hydra_file.write_text("hydra: {runtime: [1]}"), "compare", None),
    (lambda run: os.mkfifo(emptied(run.evaluations / "1.json")), "compare", "json"),
    (lambda run: emptied(run.evaluations / "1.json").write_text("[1]"), "compare", "json"),
    (lambda run: emptied(run.evaluations / "1.json").write_text('{"values": [], "protocol": null}'), "compare", "json"),
    (lambda run: emptied(run.evaluations / "1.json").write_text("\0" * 9), "compare", "json"),
    (lambda run: emptied(run.lock_file).mkdir(), "status", "lock is not a regular file"),
    (lambda run: os.mkfifo(run.lock_file), "status", "lock is not a regular file"),
]


def emptied(file: Path) -> Path:
    """Make a place where nothing lies."""
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    return file


@pytest.mark.parametrize(("change", "command", "said"), MALFORMED)
def test_malformed_files_end_in_a_line(
    change: Callable[[Run], object],
    command: str,
    said: str | None,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    scores = ScoreRecord(images_seen=1, values={"fid": 2.0}, protocol=PROTOCOL).to_dict()
    run.update_record(status="running", scores=scores)
    change(run)
    ending = ending_of(command, str(run.folder))
    assert ending is None if said is None else re.match(f"Error: .*{said}", str(ending)), ending


def test_a_run_that_can_not_be_read_leaves_the_others(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = run.folder.parent / "sweep"
    for name in "012":
        shutil.copytree(run.folder, sweep / name)
        (sweep / name / ".hydra/overrides.yaml").write_text(f"[seed={name}]")
        scores = ScoreRecord(images_seen=1, values={"fid": 2.0}, protocol=PROTOCOL).to_dict()
        Run(sweep / name).update_record(scores=scores)
    Run(sweep / "1").record_file.write_text("{")
    main(["status", str(sweep)])
    printed = capsys.readouterr().out
    assert "3 jobs: 2 finished, 1 unreadable" in printed
    assert "1/run.json can't be read: Invalid JSON" in printed
    main(["compare", str(sweep)])
    printed = capsys.readouterr().out
    assert "1/run.json can't be read: Invalid JSON" in printed
    assert printed.splitlines()[1].split()[1] == "2"
