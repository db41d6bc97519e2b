import os
from pathlib import Path

import pytest

from gan_lab.runs.names import folder_of, latest
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.conftest import composed


def begun(folder: str, started: str) -> Path:
    """A run's folder, of which a name needs no more."""
    run = Run(folder)
    run.folder.mkdir(parents=True)
    run.config_file.parent.mkdir()
    run.config_file.touch()
    run.write_record({"status": "finished", "started": started})
    return run.folder


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs, and a sweep of three jobs, below the working directory."""
    monkeypatch.chdir(tmp_path)
    begun("logs/runs/trial", "2026-01-02T12:00:00+02:00")
    begun("logs/runs/baseline", "2026-01-02T11:00:00+00:00")  # an hour later
    for job in ("0_seed=1", "1", "10_seed=3"):
        begun(f"logs/sweeps/first/{job}", "2027-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("logs/runs/trial", "logs/runs/trial"),
        ("trial", "logs/runs/trial"),
        ("first", "logs/sweeps/first"),
        ("first/0_seed=1", "logs/sweeps/first/0_seed=1"),
        ("first/0", "logs/sweeps/first/0_seed=1"),
        ("first/1", "logs/sweeps/first/1"),
        ("logs/sweeps/first/10", "logs/sweeps/first/10_seed=3"),
        ("latest", "logs/runs/baseline"),
    ],
)
def test_a_run_is_found_by_its_folder_its_name_or_as_the_latest(name: str, folder: str) -> None:
    assert folder_of(name) == folder_of(Path(name)) == Path(folder)


def test_a_folder_comes_before_a_name_unless_it_holds_no_run() -> None:
    for name in ("trial", "latest", "pictures"):
        Path(name).mkdir()
    assert folder_of("trial") == Path("logs/runs/trial"), "the folder is another thing of this name"
    assert folder_of(Path.cwd() / "trial") == Path.cwd() / "trial"
    assert folder_of("pictures") == Path("pictures")
    assert folder_of("latest") == Path("latest")
    Path("trial").rmdir()
    begun("trial", "2026-01-02T12:00:00+02:00")
    assert folder_of("trial") == Path("trial")


def test_a_folder_may_lie_in_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd()))
    assert folder_of("~/logs/runs/trial") == Path.cwd() / "logs/runs/trial"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "trail",
            "trail: no such run folder, and no run of this name in logs/runs or logs/sweeps. Did you mean trial?",
        ),
        ("first/0_seed=2", "Did you mean first/0_seed=1"),
        (
            "first/2",
            "first/2: no such run folder, and no run of this name in logs/runs or logs/sweeps. Did you mean first/1",
        ),
        ("logs/runs/trail", "Did you mean logs/runs/trial"),
        ("zzz", "zzz: no such run folder, and no run of this name in logs/runs or logs/sweeps"),
        ("/nowhere/trial", "/nowhere/trial: no such run folder"),
    ],
)
def test_an_unknown_name_is_one_line_with_near_ones(name: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        folder_of(name)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert ("Did you mean" in message) == ("Did you mean" in str(error.value))


def test_the_latest_run_is_the_one_that_started_last_whatever_was_touched_since() -> None:
    os.utime("logs/runs/trial")
    begun("logs/runs/unreadable", "2028-01-01T00:00:00+00:00")
    Run("logs/runs/unreadable").record_file.write_text("{")
    Path("logs/runs/no run").mkdir()
    Path("logs/runs/a file").touch()
    assert latest() == Path("logs/runs/baseline")


def test_without_any_run_there_is_no_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    with pytest.raises(UserError, match="latest: there is no run in logs/runs yet"):
        folder_of("latest")


def test_a_run_is_opened_by_its_name() -> None:
    assert Run.open("first/0").folder == Path("logs/sweeps/first/0_seed=1")
    with pytest.raises(UserError, match="logs/sweeps/first is not a run folder"):
        Run.open("first")


def test_the_configuration_puts_runs_and_sweeps_where_names_are_looked_up() -> None:
    hydra = Path("conf/hydra/default.yaml")
    text = (Path(__file__).parents[2] / hydra).read_text()
    assert "dir: logs/runs/${" in text
    assert "logs/sweeps/${" in text
    assert composed("run=mine").run == "mine"
