"""The layout of run folders is a promise to all folders that exist: every name is pinned."""

from pathlib import Path

import pytest
import yaml

from gan_lab.utils.run_layout import EVENTS, RunLayout, job_number, run_name
from tests.conftest import CONF, REPOSITORY, composed

NAMES = {
    "config_file": ".hydra/config.yaml",
    "overrides_file": ".hydra/overrides.yaml",
    "hydra_file": ".hydra/hydra.yaml",
    "checkpoint": "checkpoints/last.ckpt",
    "previous": "checkpoints/previous.ckpt",
    "best": "checkpoints/best.ckpt",
    "damaged": "checkpoints/damaged.ckpt",
    "samples": "samples",
    "tensorboard": "",
    "wandb": "wandb",
    "metrics_file": "metrics.csv",
    "evaluations": "evaluations",
    "record_file": "run.json",
    "log_file": "train.log",
    "lock_file": ".lock",
}


def test_every_name_is_pinned() -> None:
    paths = {name: path for name, path in vars(RunLayout("run")).items() if name != "folder"}
    assert paths == {name: Path("run", inside) for name, inside in NAMES.items()}
    assert EVENTS == "events.out.tfevents."
    assert RunLayout("run").crash_file() == Path("run/crash.txt")
    assert RunLayout("run").crash_file(1) == Path("run/crash_1.txt")


@pytest.mark.parametrize(("place", "expected"), [("run.json", True), (".hydra/config.yaml", True), ("a.png", False)])
def test_half_a_run_is_known_for_one(place: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    assert RunLayout(tmp_path).looks_like_run == expected


def test_a_run_that_began_with_a_folder_for_tensorboard_keeps_it(tmp_path: Path) -> None:
    assert RunLayout(tmp_path).tensorboard == tmp_path, "TensorBoard then shows the run by its own name"
    (tmp_path / "tensorboard").mkdir()
    assert RunLayout(tmp_path).tensorboard == tmp_path / "tensorboard"


def test_yaml_files_and_code_take_them_from_here() -> None:
    config = composed()
    config.run_dir = "/run"
    layout = RunLayout("/run")
    assert config.callbacks.samples.folder == str(layout.samples)
    assert config.callbacks.best.file == str(layout.best)
    assert config.callbacks.checkpoint.file == str(layout.checkpoint)
    assert config.logger.tensorboard.folder == str(layout.tensorboard)
    assert config.logger.csv.file == str(layout.metrics_file)
    values = [yaml.safe_dump(yaml.safe_load(file.read_text())) for file in CONF.rglob("*.yaml")]
    assert not [value for value in values if "${run_dir}/" in value]
    own = {name for inside in NAMES.values() for name in inside.split("/") if "." in name} - {
        ".lock",
        "config.yaml",
    }  # of others, too
    for source in (REPOSITORY / "gan_lab").rglob("*.py"):
        if source.name != "run_layout.py":
            assert not [name for name in own if f'"{name}"' in source.read_text()], source


@pytest.mark.parametrize(
    ("name", "number"),
    [("0", "0"), ("0_2", "0_2"), ("12_seed=1", "12"), ("0_2_lr=1,x=2_3", "0_2"), ("2026-01-31_x", "2026-01-31_x")],
)
def test_the_number_is_read_off_a_folders_name(name: str, number: str) -> None:
    assert job_number(name) == number


@pytest.mark.parametrize("name", ["mine", "2026-01-31_a", "lr=0.1,x", "a b", "x" * 100])
def test_a_name_for_a_run(name: str) -> None:
    assert run_name(name) == name


@pytest.mark.parametrize("name", ["", "latest", "../a", "a/b", "a\\b", ".a", "a.", "a ", "a:b", "é", "${x}", "x" * 101])
def test_what_cannot_name_a_folder_everywhere_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="a name for a folder"):
        run_name(name)
