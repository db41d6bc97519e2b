"""Who may import whom: left may import right, never back (docs/design.md)."""

import ast
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "gan_lab"
LEAVES = {"types", "seeding", "errors", "files", "processes", "signals"}
# For each room, the rooms of gan_lab that its files may import; itself is always allowed.
MAY_IMPORT = {
    "types": set(),
    "seeding": set(),
    "errors": set(),
    "files": set(),
    "crashes": LEAVES,
    "slurm": LEAVES,
    "processes": set(),
    "signals": set(),
    "images": set(),
    "losses": set(),
    "penalties": set(),
    "schedules": set(),
    "networks": {"types"},
    "models": {"losses", "penalties", "schedules", "images", "strategy", *LEAVES},
    "data": {"images", *LEAVES},
    "metrics": {"images", *LEAVES},
    "callbacks": {"metrics", "images", *LEAVES},
    "loggers": LEAVES,
    "checkpoint_io": LEAVES,
    "strategy": LEAVES,
    "trainer": {"strategy", *LEAVES},
    "machine": LEAVES,
    "locks": set(),
    "resolvers": set(),
    "config": {"resolvers", *LEAVES},
    "saved_config": {"config", "resolvers", *LEAVES},
    "runs": {"config", "saved_config", "models", "checkpoint_io", "locks", "resolvers", *LEAVES},
    "alone": {"runs", "locks", *LEAVES},
    "resuming": {"runs", "saved_config", *LEAVES},
    "initial_weights": {"runs", "models", "checkpoint_io", *LEAVES},
    "launch": LEAVES,
    "agent": {"machine", "signals"},
    "worker": {"experiment", "launch", "machine", *LEAVES},
    "summary": {"runs", "metrics", *LEAVES},
    "recording": {"summary", "runs", "trainer", "crashes", "slurm", "data", "callbacks", *LEAVES},
    "experiment": {
        "recording",
        "launch",
        "machine",
        "runs",
        "config",
        "trainer",
        "checkpoint_io",
        "resuming",
        "initial_weights",
        "alone",
        "models",
        "data",
        "callbacks",
        *LEAVES,
    },
    "evaluation": {"runs", "config", "models", "data", "metrics", "images", *LEAVES},
    "comparison": {"runs", "metrics", *LEAVES},
    "sweeps": {"experiment", "runs", "callbacks", "locks", *LEAVES},
    "preflight": {"sweeps", "experiment", "launch", "alone", "resuming", "runs", "slurm", *LEAVES},
    "cli": {
        "evaluation",
        "comparison",
        "sweeps",
        "experiment",
        "runs",
        "config",
        "models",
        "images",
        "data",
        "metrics",
        *LEAVES,
    },
}
TORCH_ONLY = {"losses", "penalties", "schedules", "networks", "images"}
ALLOWED_BESIDE_TORCH = {"torch", "torchvision", "PIL", "pydantic"}


def imported(path: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            modules.add(node.module or "")
            if node.module == "gan_lab":
                modules |= {f"gan_lab.{name.name}" for name in node.names}
    return modules - {"gan_lab"}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE or path.name != "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_stay_within_the_rules(path: Path) -> None:
    here = room(path)
    assert here in MAY_IMPORT, f"{path.name}: a new room needs its rule in docs/design.md and here"
    rooms = {module.split(".")[1] for module in imported(path) if module.startswith("gan_lab.")}
    assert rooms <= MAY_IMPORT[here] | {here}


@pytest.mark.parametrize("path", [path for path in FILES if room(path) in TORCH_ONLY], ids=lambda path: path.stem)
def test_losses_networks_and_images_need_torch_only(path: Path) -> None:
    foreign = {module.split(".")[0] for module in imported(path)} - {"gan_lab"} - set(sys.stdlib_module_names)
    assert foreign <= ALLOWED_BESIDE_TORCH


def test_train_py_only_composes() -> None:
    assert len((REPOSITORY / "train.py").read_text().splitlines()) < 40
    assert {module for module in imported(REPOSITORY / "train.py") if module.startswith("gan_lab")} == {
        "gan_lab.errors",
        "gan_lab.experiment",
        "gan_lab.sweeps.jobs",
    }
