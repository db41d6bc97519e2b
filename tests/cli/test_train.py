"""`gan-lab train`: what train.py does, and a shell that completes it."""

import sys
from pathlib import Path

import pytest

from gan_lab.cli import COMMANDS, main
from gan_lab.runs.run import Run
from tests.conftest import QUICK, as_a_program


def call(*arguments: str) -> object:
    try:
        with as_a_program():
            main(list(arguments))
    except SystemExit as ending:
        return ending.code
    return None


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gan-lab"])


def test_it_trains_and_goes_on() -> None:
    assert call("train", *QUICK) is None
    run = Run.open("run")
    assert run.record()["command"].startswith("gan-lab train data.download=false")
    assert call("train", "resume=run", "trainer.max_steps=8") is None
    assert run.record()["batches"] == 8


def test_its_help_is_hydras(capsys: pytest.CaptureFixture[str]) -> None:
    assert not call("train", "--help")
    assert "gan-lab train -m model=vanilla,dcgan seed=1,2,3" in capsys.readouterr().out


def test_a_mistake_is_one_line() -> None:
    assert str(call("train", "model=vanila")).startswith("Error: model=vanila: no such choice. Did you mean vanilla")
    assert call("train", "--cofnig").endswith("(gan-lab train --help)")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("gan-lab tra", {"train", "translate", "train-features"}),
        ("gan-lab train model=wgan", {"model=wgan", "model=wgan_gp"}),
        ("gan-lab sample run", set()),
    ],
)
def test_a_shell_completes_commands_and_overrides(
    line: str, expected: set[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    assert not call("-sc", "query=bash")
    found = set(capsys.readouterr().out.split())
    assert expected <= found
    assert all(name.startswith(line.rpartition(" ")[2]) for name in found) if expected else not found


def test_a_shell_learns_how_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert not call("-sc", "install=bash")
    assert capsys.readouterr().out.rstrip().endswith("-F hydra_bash_completion gan-lab")
    assert len(COMMANDS) > 1
