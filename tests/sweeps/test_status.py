import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gan_lab.cli import main
from gan_lab.runs.run import Run
from gan_lab.sweeps.folders import Plan
from gan_lab.sweeps.status import failures, jobs_in
from gan_lab.utils.locks import held
from tests.sweeps.test_folders import begun


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Five jobs: finished, finished and better, running, died, not begun."""
    Plan.new([], [["model=dcgan", f"seed={seed}"] for seed in range(5)]).save(tmp_path)
    for job, status in enumerate(["finished", "finished", "running", "running"]):
        begun(tmp_path, str(job), "model=dcgan", f"seed={job}", status=status)
        Run(tmp_path / str(job)).update_record(
            batches=50 * job, last_batch=200, images_per_second=1234.5, pid=99, host="there", updated=now(), error=None
        )
    Run(tmp_path / "0").update_record(best={"fid": 12.5})
    Run(tmp_path / "1").update_record(best={"fid": 9.75})
    return tmp_path


def now(ago: float = 0.0) -> str:
    return (datetime.now().astimezone() - timedelta(seconds=ago)).isoformat(timespec="seconds")


def shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    main(["status", str(folder)])
    return capsys.readouterr().out.splitlines()


def test_the_jobs_of_a_sweep_are_shown_as_they_stand(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with held(Run(sweep / "2").lock_file):
        lines = shown(sweep, capsys)
    assert lines[0].split() == ["Job", "State", "Batches", "Images/s", "Best", "FID", "Overrides"]
    assert [line.split()[:2] for line in lines[1:6]] == [
        ["0", "finished"],
        ["1", "finished"],
        ["2", "running"],
        ["3", "died"],
        ["-", "waiting"],
    ]
    assert "100 of 200 (50%)  1,234" in lines[3]
    assert lines[3].endswith("seed=2")
    assert lines[4].endswith("seed=3     process 99 on there is gone")
    best = "Best so far: FID 9.75 while training, job 1"
    assert lines[-1] == f"5 jobs: 2 finished, 1 running, 1 died, 1 waiting. {best}"


def test_a_running_job_that_is_silent_says_so(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Run(sweep / "2").update_record(updated=now(ago=1800))
    with held(Run(sweep / "2").lock_file):
        assert shown(sweep, capsys)[3].endswith("silent for 30 min")


def test_a_run_alone_is_shown(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(sweep / "1", capsys)
    assert lines[1].split()[:6] == ["1", "finished", "50", "of", "200", "(25%)"]
    assert lines[-1].startswith("1 job: 1 finished. Best so far: FID 9.75")


def test_failures_are_told_in_a_line_each(sweep: Path) -> None:
    Run(sweep / "0").update_record(status="failed", error="RuntimeError: out of memory\nand more")
    table = failures(jobs_in(sweep)).splitlines()
    assert [line.split(maxsplit=3) for line in table[1:]] == [
        ["0", "failed", "seed=0", "RuntimeError: out of memory"],
        ["2", "died", "seed=2", "process 99 on there is gone"],
        ["3", "died", "seed=3", "process 99 on there is gone"],
        ["-", "waiting", "seed=4"],
    ]


@pytest.mark.parametrize(("name", "message"), [("nowhere", "no such run folder"), (".", "neither a run nor a")])
def test_what_is_no_sweep_is_refused(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=message):
        main(["status", os.fspath(tmp_path / name)])


def test_every_folder_of_a_job_is_shown(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun(sweep, "1_2", "model=dcgan", "seed=1", status="failed")
    lines = shown(sweep, capsys)
    assert [line.split()[0] for line in lines[1:7]] == ["0", "1", "1_2", "2", "3", "-"]
    assert lines[-1].startswith("6 jobs: 2 finished, 1 failed, ")


def test_scores_of_different_protocols_are_not_ranked_together(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for job, protocol in enumerate(["aaaa", "bbbb", "aaaa"]):
        Run(sweep / str(job)).update_record(best={"fid": 9.0 + job, "protocol": {"id": protocol}})
    lines = shown(sweep, capsys)
    assert "9.00 (aaaa)" in lines[1]
    assert "10.00 (bbbb)" in lines[2]
    assert "11.00 (aaaa)" in lines[3]
    first = "Best so far by protocol aaaa: FID 9.00 while training, job 0"
    assert lines[-1].endswith(f"{first}. Best so far by protocol bbbb: FID 10.00 while training, job 1")


def test_runs_that_go_by_psnr_show_it_and_more_of_it_is_better(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for job, psnr in enumerate([17.0, 21.5]):
        Run(sweep / str(job)).update_record(best={"psnr": psnr})
    lines = shown(sweep, capsys)
    assert lines[0].split()[4:6] == ["Best", "PSNR"]
    assert ["17.00" in lines[1], "21.50" in lines[2]] == [True, True]
    assert lines[-1].endswith("Best so far: PSNR 21.50 while training, job 1")


def test_fid_and_psnr_have_a_column_each(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Run(sweep / "1").update_record(best={"psnr": 21.5})
    lines = shown(sweep, capsys)
    assert lines[0].split()[4:8] == ["Best", "FID", "Best", "PSNR"]
    assert lines[1].split()[-3:-1] == ["12.50", "-"]
    assert lines[2].split()[-3:-1] == ["-", "21.50"]
    best = "Best so far: FID 12.50 while training, job 0. Best so far: PSNR 21.50 while training, job 1"
    assert lines[-1].endswith(best)


def test_tags_are_a_column_and_notes_a_line_where_there_are_any(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Run(sweep / "0").update_record(tags=["long", "digits"], notes="why\nand how")
    Run(sweep / "1").update_record(tags=[], notes="why and how")
    lines = shown(sweep, capsys)
    assert lines[0].split()[-2:] == ["Tags", "Overrides"]
    assert lines[1].endswith("long,digits  seed=0")
    assert lines[2].endswith("-            seed=1")
    assert "0, 1: why and how" in lines


def test_a_job_is_shown_by_its_number(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sweep / "1").rename(sweep / "1_seed=1")
    lines = shown(sweep, capsys)
    assert lines[2].split()[:2] == ["1", "finished"]
    assert lines[-1].endswith("job 1")
