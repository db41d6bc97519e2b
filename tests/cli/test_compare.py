import json
from pathlib import Path

import pytest

from gan_lab.cli import main
from gan_lab.runs.run import Run
from tests.evaluation.conftest import MakeRun, make

__all__ = ["make"]  # the fixture


@pytest.fixture
def runs(make: MakeRun) -> list[Run]:
    return [
        make("a", "model=vanilla", "seed=1", final={"fid": 9.0, "coverage": 0.9, "modes": 10.0}),
        make("b", "model=vanilla", "seed=2", final={"fid": 7.0, "coverage": 0.9, "modes": 10.0}),
        make("c", "model=wgan", final={"fid": 1.0, "coverage": 0.1, "modes": 10.0}),
    ]


@pytest.fixture
def logs(runs: list[Run]) -> Path:
    return runs[0].folder.parent


def table(logs: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[list[str]]:
    main(["compare", str(logs), *options])
    text = capsys.readouterr().out
    return [[cell for cell in line.split("  ") if cell] for line in text.partition("\n\n")[0].splitlines()]


def test_the_table_is_sorted_by_fid(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table(logs, capsys)
    assert [cell.strip() for cell in rows[0][:4]] == ["Setup", "Runs", "FID (n=10, biased)", "Coverage"]
    assert [row[0].strip() for row in rows[1:]] == ["wgan", "vanilla"]
    assert rows[2][2].strip() == "8.000 +- 1.414"


def test_another_score_sorts_and_others_are_shown(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table(logs, capsys, "--score", "coverage", "--columns", "modes,coverage")
    assert [cell.strip() for cell in rows[0][2:4]] == ["Coverage", "Modes (n=10)"]
    assert [row[0].strip() for row in rows[1:]] == ["vanilla", "wgan"]


def test_folders_may_be_given_one_by_one(runs: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", str(runs[0].folder), str(runs[2].folder), "--format", "csv"])
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize(("name", "start"), [("a.md", "| Set"), ("a.CSV", "setup,"), ("a.json", "{"), ("a", "Set")])
def test_the_name_of_the_file_decides_its_format(
    name: str, start: str, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / name
    main(["compare", str(logs), "--out", str(out)])
    assert out.read_text().startswith(start)
    assert capsys.readouterr().out == f"3 runs: {out}\n"
    with pytest.raises(SystemExit, match=r"--out .*: exists already"):
        main(["compare", str(logs), "--out", str(out)])
    main(["compare", str(logs), "--out", str(out), "--format", "json", "--force"])
    assert len(json.loads(out.read_text())["setups"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--score", "fdi"), "no run has a score named fdi. Did you mean fid?"),
        (("--columns", "modes,beauty"), "no run has a score named beauty"),
        (("--protocol", "nope"), "--protocol nope: no run has scores of this protocol"),
        (("/nowhere",), "/nowhere: no such run folder"),
    ],
)
def test_wrong_requests_are_one_line(options: tuple[str, ...], message: str, logs: Path) -> None:
    with pytest.raises(SystemExit, match=message):
        main(["compare", str(logs), *options])


def test_protocols_are_not_mixed(logs: Path, make: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    other = make("d", "model=wgan_gp", final={"fid": 3.0}, n_fake=1000)
    rows = table(logs, capsys)
    assert [row[0].strip() for row in rows[1:]] == ["wgan", "vanilla"]
    main(["compare", str(logs), "--out", str(logs / "table.csv")])
    assert f"Left out: {other.folder}: scores of protocol" in capsys.readouterr().out
    rows = table(logs, capsys, "--protocol", other.record()["scores"]["protocol"]["id"])
    assert [row[0].strip() for row in rows[1:]] == ["wgan_gp"]


def test_a_record_that_can_not_be_read_leaves_out_one_run(
    logs: Path, make: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = make("d", "model=wgan_gp", final={"fid": 3.0})
    broken.record_file.write_text(broken.record_file.read_text()[:40])
    main(["compare", str(logs), "--out", str(logs / "table.csv")])
    out = capsys.readouterr().out
    assert out.startswith("3 runs: ")
    assert f"Left out: {broken.folder}" in out
    assert "can't be read" in out


def test_runs_of_a_tag_are_compared(runs: list[Run], logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs[0].update_record(tags=["long", "old"])
    runs[2].update_record(tags=["long"])
    rows = table(logs, capsys, "--tag", "long")
    assert [row[0].strip() for row in rows[1:]] == ["wgan", "vanilla"]
    assert rows[2][1].strip() == "1"
    with pytest.raises(SystemExit, match="--tag lang: no run has this tag. Did you mean long"):
        main(["compare", str(logs), "--tag", "lang"])


def test_runs_and_sweeps_may_be_named(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here" / "logs").mkdir(parents=True)
    logs.rename(tmp_path / "here" / "logs" / "runs")
    monkeypatch.chdir(tmp_path / "here")
    main(["compare", "a", "c", "--format", "csv"])
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_page_is_written_beside_the_table(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    main(["compare", str(logs), "--html", str(page)])
    assert capsys.readouterr().out.endswith(f"Page: {page}\n")
    assert page.read_text().startswith("<!doctype html>")
    with pytest.raises(SystemExit, match=r"--html .*: exists already"):
        main(["compare", str(logs), "--html", str(page)])


def test_a_table_says_if_seeds_explain_its_differences(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", str(logs)])
    assert "One run of a setup doesn't tell its spread" in capsys.readouterr().out
