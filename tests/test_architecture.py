"""Who may import whom: docs/design.md has the table, and every import of the package is held against it."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TypeGuard

import pytest

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "gan_lab"
TABLE = re.compile(r"^\| `(\w+)` \| [^|]+ \|([^|]*)\|$", re.MULTILINE)
MAY_IMPORT = {
    layer: set(re.findall(r"`(\w+)`", allowed))
    for layer, allowed in TABLE.findall((REPOSITORY / "docs" / "design.md").read_text())
}
TORCH_ONLY = {"losses", "penalties", "schedules", "networks"}
ALLOWED_BESIDE_TORCH = {"torch", "torchvision", "PIL", "pydantic"}
LOOSE_FILES = 6  # at most, in the package's root


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


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layers_imported(path: Path) -> set[str]:
    return {module.split(".")[1] for module in imported(path) if module.startswith("gan_lab.")}


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE or path.name != "__init__.py"]
by_name = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


@by_name
def test_imports_stay_within_the_table(path: Path) -> None:
    here = layer(path)
    assert here in MAY_IMPORT, f"{path.name}: a new layer needs its row in docs/design.md"
    assert layers_imported(path) <= MAY_IMPORT[here] | {here}


def test_the_table_allows_nothing_that_is_not_needed_and_no_circle() -> None:
    used: dict[str, set[str]] = {here: set() for here in MAY_IMPORT}
    for path in FILES:
        used[layer(path)] |= layers_imported(path) - {layer(path)}
    assert used == MAY_IMPORT
    above: set[str] = set()  # a layer stands below all that import it, so the rows have an order
    for here, allowed in MAY_IMPORT.items():
        assert allowed <= above, f"{here} imports a layer that stands below it in the table"
        above.add(here)


# Whoever writes to a run's folder does so by gan_lab.utils.files, which follows no link; these write elsewhere.
OWN_PLACES = {
    "cli/new.py": "in the unfinished folder of `replacing`",
    "cli/sample.py": "in the unfinished folder of `replacing`",
    "data/packing.py": "in the unfinished folder of `replacing`",
    "data/unpacking.py": "in an unfinished folder",
    "distributed/agent.py": "in the launcher's temporary folder",
    "distributed/launcher.py": "in its temporary folder",
    "utils/films.py": "in the unfinished folder of `replacing`",
    "utils/image_content.py": "in the unfinished folder of `replacing`",
    "utils/images.py": "in the unfinished folder of `replacing`",
    "utils/own_key.py": "in an unfinished folder",
    "utils/signals.py": "to the null device",
}


def writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    texts = [node.value for node in (*call.args, *(keyword.value for keyword in call.keywords)) if is_text(node)]
    return name in ("write_text", "write_bytes") or (
        name in ("open", "fdopen", "open_memmap") and any(set(text) & set("wax+") and len(text) < 4 for text in texts)
    )


def is_text(node: ast.expr) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_files_are_written_by_one_module() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and writes(node)
    }
    assert found == {*OWN_PLACES, "utils/files.py", "data/decoded.py"}, "the last in an unfinished folder of its cache"


def test_few_files_lie_loose() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= LOOSE_FILES


@pytest.mark.parametrize("path", [path for path in FILES if layer(path) in TORCH_ONLY], ids=lambda path: path.stem)
def test_losses_and_networks_need_torch_only(path: Path) -> None:
    foreign = {module.split(".")[0] for module in imported(path)} - {"gan_lab"} - set(sys.stdlib_module_names)
    assert foreign <= ALLOWED_BESIDE_TORCH


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_begin_with_a_noun_or_a_verb(path: Path) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [ast.get_docstring(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, documented)]
    assert [text for text in texts if text and re.match(r"(What|Whether|How|Where|Who)\b", text)] == []


def test_train_py_is_the_command_from_a_checkout() -> None:
    assert set(imported(REPOSITORY / "train.py")) == {"gan_lab.cli.train"}


def test_train_py_starts_without_torch() -> None:
    """It takes seconds to import, and who typed something wrong needn't wait for it."""
    program = "import sys, train; sys.exit('torch' in sys.modules or 'lightning' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name != "__init__.py"], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_module_has_its_test_beside_it(path: Path) -> None:
    beside = REPOSITORY / "tests" / path.relative_to(PACKAGE).parent / f"test_{path.name}"
    assert beside.is_file(), f"write tests/{beside.relative_to(REPOSITORY / 'tests')}"
