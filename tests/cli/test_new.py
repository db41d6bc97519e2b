"""`gan-lab new`: what it writes is the example, and works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_lab.cli import main
from gan_lab.cli.new import files_of
from gan_lab.runs.run import Run
from tests.conftest import REPOSITORY, full_disk

EXAMPLE = REPOSITORY / "examples/own_project"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ending:
        main(["new", name])
    return str(ending.value.code)


def test_the_example_is_what_it_writes() -> None:
    main(["new", "own_project"])
    written = {file.relative_to("own_project"): file.read_bytes() for file in Path("own_project").rglob("*.*")}
    assert written == {file.relative_to(EXAMPLE): file.read_bytes() for file in files_of(EXAMPLE)}


def test_what_trainings_and_installations_leave_in_the_example_is_not_copied(tmp_path: Path) -> None:
    main(["new", "own_project"])
    before = {file.relative_to(EXAMPLE) for file in files_of(EXAMPLE)}
    assert before == {file.relative_to("own_project") for file in Path("own_project").rglob("*") if file.is_file()}
    for left in (
        "logs/runs/first/.hydra/config.yaml",
        "logs/sweeps/all/multirun.yaml",
        "data/README.md",
        "build/lib/own_project/variant.py",
        ".venv/lib/thing.py",
        "own_project.egg-info/SOURCES.md",
        "own_project/__pycache__/variant.pyc",
    ):
        Path("own_project", left).parent.mkdir(parents=True, exist_ok=True)
        Path("own_project", left).write_text("left: here")
    assert {file.relative_to("own_project") for file in files_of(Path("own_project"))} == before
    kinds = {"README.md", "pyproject.toml", "own_project/networks.py", "conf/data/shapes.yaml", "tests/test_variant.py"}
    assert kinds <= set(map(str, before))


@pytest.mark.slow
def test_a_project_of_another_name_passes_its_tests_trains_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    main(["new", "my_gan"])
    assert "cd my_gan" in capsys.readouterr().out
    assert not [file for file in Path("my_gan").rglob("*.*") if "own_project" in file.read_text()]
    assert 'name = "my-gan"' in Path("my_gan/pyproject.toml").read_text()

    def call(*words: str) -> str:
        environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}:{Path('my_gan').absolute()}"}  # as if installed
        done = subprocess.run(
            [sys.executable, *words], cwd="my_gan", env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    call("-m", "pytest", "-q", "-p", "no:cacheprovider")
    train = ["-c", "from gan_lab.cli import main; main()", "train"]
    few = ["trainer.max_steps=2", "callbacks.scores=null", "hydra.run.dir=run", "trainer.accelerator=cpu"]
    call(*train, "--config-dir", "conf", "experiment=mine", *few)
    call(*train, "resume=run", "trainer.max_steps=3")
    assert Run.open("my_gan/run").record()["batches"] == 3
    call("-c", "from gan_lab.cli import main; main()", "sample", "run", "--count", "4", "--out", "grid.png")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my-gan", "Error: my-gan: no name for a Python package; take letters, digits and _, as in my_gan"),
        ("class", "Error: class: no name for a Python package"),
        ("../up", "Error: ../up: no name for a Python package"),
        ("torch", "Error: torch: a package of this name is installed already; choose another name"),
        ("there", "Error: there: exists already; choose another name"),
        ("__main__", "Error: __main__: a name of Python's own; choose another name"),
        ("__init__", "Error: __init__: a name of Python's own; choose another name"),
        ("conf", "Error: conf: a folder in every project; choose another name"),
        ("tests", "Error: tests: a folder in every project; choose another name"),
        ("logs", "Error: logs: a folder in every project; choose another name"),
        ("data", "Error: data: a folder in every project; choose another name"),
    ],
)
def test_a_name_that_can_not_be_is_refused(name: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("there").mkdir()
    assert refusal(name, capsys).startswith(message)
    assert [place.name for place in Path().iterdir()] == ["there"]


def test_a_full_disk_leaves_nothing_and_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "mkdir", full_disk)
    assert "can't be written: No space left on device" in refusal("my_gan", capsys)
    assert list(Path().iterdir()) == []
