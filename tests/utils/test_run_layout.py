"""The layout of run folders is a promise to all folders that exist: every name is pinned."""

from pathlib import Path

import yaml

from gan_lab.utils.run_layout import RunLayout
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
    "tensorboard": "tensorboard",
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
    assert RunLayout("run").crash_file() == Path("run/crash.txt")
    assert RunLayout("run").crash_file(1) == Path("run/crash_1.txt")


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
