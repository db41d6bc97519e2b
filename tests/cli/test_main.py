"""The `gan-lab` command as a whole: its help, and how quickly it answers."""

import re
import subprocess
import sys

import pytest

from gan_lab.cli import COMMANDS, main
from gan_lab.config.command_line import readable_errors

NAMES = [
    "train",
    "sample",
    "translate",
    "interpolate",
    "timelapse",
    "walk",
    "project",
    "evaluate",
    "compare",
    "augment",
    "report",
    "export",
    "publish",
    "serve",
    "status",
    "dataset",
    "train-features",
    "new",
]


def help_of(*command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ending:
        main([*command, "--help"])
    assert ending.value.code == 0
    return capsys.readouterr().out


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    listed = re.findall(r"^ {4}(\S+)", help_of(capsys=capsys), re.MULTILINE)
    assert listed == NAMES
    assert len(NAMES) == len(COMMANDS)


@pytest.mark.parametrize("name", NAMES[1:])  # what comes after `train` is Hydra's
def test_the_help_of_a_command_explains_it_and_fits_a_terminal(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    text = help_of(name, capsys=capsys)
    _, description, *_ = text.split("\n\n")
    assert description.endswith(".")
    assert max(map(len, text.splitlines())) <= 100


def test_help_is_shown_without_importing_torch() -> None:
    show = "import sys; from gan_lab.cli import main\ntry: main(['evaluate', '--help'])"
    code = f"{show}\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--neighbours" in done.stdout


@pytest.mark.parametrize("arguments", [["train", "--help"], ["train", "--cfg", "job"], ["-sc", "install=bash"]])
def test_a_reader_that_leaves_early_is_no_error(arguments: list[str]) -> None:
    code = "import sys; from gan_lab.cli import main\nsys.stdin.read()\nmain(sys.argv[1:])"
    command = [sys.executable, "-c", code, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as program:
        assert program.stdout
        program.stdout.close()  # as `| head` does
        _, errors = program.communicate("")
    assert (program.returncode, errors) == (141, "")


def test_another_pipe_that_breaks_is_an_error() -> None:
    with pytest.raises(BrokenPipeError), readable_errors():
        raise BrokenPipeError
