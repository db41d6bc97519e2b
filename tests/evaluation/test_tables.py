import csv
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gan_lab.evaluation.groups import group, ranked
from gan_lab.evaluation.run_scores import choose
from gan_lab.evaluation.tables import render
from gan_lab.runs.run import Run
from tests.evaluation.conftest import MakeRun, scores

PROTOCOL_ID = scores({}, 0).protocol.id


@pytest.fixture
def runs(make: MakeRun) -> list[Run]:
    return [
        make("a", "seed=1", final={"fid": 1.0, "kid": 0.5, "precision": 0.5}),
        make("b", "seed=2", final={"fid": 2.0, "kid": 0.5, "precision": 0.7}),
        make("c", "model=cgan", final={"fid": 0.5, "class_accuracy": 0.98765}, labels="data"),
        make("d"),
    ]


def rendered(form: str, runs: Sequence[Run], *columns: str) -> str:
    scored, without = choose(runs, None)
    return render(form, ranked(group(scored)[0], columns[0]), columns, without)


def test_text_is_aligned_and_complete(runs: list[Run]) -> None:
    lines = rendered("table", runs, "fid", "kid", "class_accuracy").splitlines()
    assert lines[:3] == [
        "Setup  Runs  FID (n=10, biased)  KID                 Class accuracy  Images seen  Images/s  Protocol",
        f"cgan   1     0.500               -                   98.77%          640          100       {PROTOCOL_ID}",
        f"dcgan  2     1.500 +- 0.707      0.50000 +- 0.00000  -               640          100       {PROTOCOL_ID}",
    ]
    assert lines[4].startswith("One run of a setup doesn't tell its spread")
    assert lines[5].startswith(f"Protocol {PROTOCOL_ID}: 10 generated images (weights ema) and 20 real ones (test)")
    assert lines[6] == f"Left out: {runs[3].folder}: no scores (finished)"


def test_markdown_is_a_table(runs: list[Run]) -> None:
    lines = rendered("markdown", runs, "fid").splitlines()
    first, rule, _, last = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[:4])
    assert first == ["Setup", "Runs", "FID (n=10, biased)", "Images seen", "Images/s", "Protocol"]
    assert [cell.startswith(":") for cell in rule] == [not cell.endswith(":") for cell in rule] == [True] + 5 * [False]
    assert last == ["`dcgan`", "2", "1.500 ± 0.707", "640", "100", PROTOCOL_ID]


def test_a_bar_in_a_name_does_not_end_its_cell(make: MakeRun) -> None:
    scored, without = choose([make("a", final={"fid": 1.0})], None)
    (only,), _ = group(scored)
    lines = render("markdown", [replace(only, name="a|b")], ["fid"], without).splitlines()
    assert lines[2].startswith("| `a\\|b` ")


def test_csv_holds_plain_numbers(runs: list[Run]) -> None:
    first, second = csv.DictReader(rendered("csv", runs, "fid", "kid").splitlines())
    assert first["setup"] == "cgan"
    assert (first["fid_mean"], first["fid_std"], first["kid_mean"]) == ("0.5", "", "")
    assert float(second["fid_std"]) == pytest.approx(0.5**0.5)
    assert (second["runs"], second["images_seen"], second["protocol"]) == ("2", "640", PROTOCOL_ID)


def test_json_holds_everything(runs: list[Run]) -> None:
    told = json.loads(rendered("json", runs, "fid"))
    assert told["protocol"]["id"] == PROTOCOL_ID
    assert [setup["name"] for setup in told["setups"]] == ["cgan", "dcgan"]
    assert told["setups"][1]["scores"]["precision"] == {"mean": 0.6, "std": pytest.approx(0.02**0.5)}
    assert told["setups"][1]["runs"] == [str(run.folder) for run in runs[:2]]
    assert told["left_out"] == [{"run": str(runs[3].folder), "reason": "no scores (finished)"}]
