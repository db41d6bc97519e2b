"""The notebooks run from top to bottom, and show pictures and scores. They are kept without what they show."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "examples").glob("*.ipynb"))
PICTURES = {"quickstart": 4, "your_own_gan": 3}  # that are shown, at least
SHOWN = {"quickstart": ["'fid': ", "'class_accuracy': ", "uint8", "Run("], "your_own_gan": ["loss/generator", "True"]}
# No download, and less of everything that takes time.
SHORTER = {
    "gan_lab.train(": 'gan_lab.train("trainer.accelerator=cpu", ',
    '"experiment=quickstart"': '"experiment=quickstart", "data.download=false", "model/network=mlp"',
    "max_steps=1000": "max_steps=100",
    "max_steps=1200": "max_steps=110",
    "max_steps=500": "max_steps=100",
    "global_step % 100": "global_step % 10",
    "scores.count=1000": "scores.count=20",
    "evaluate(1000)": "evaluate(20)",
}


def read(notebook: Path) -> Any:
    return json.loads(notebook.read_text())


def code(notebook: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in read(notebook)["cells"] if cell["cell_type"] == "code"]


def test_there_are_notebooks() -> None:
    assert {notebook.stem for notebook in NOTEBOOKS} == PICTURES.keys()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_kept_without_outputs_and_installs_first(notebook: Path) -> None:
    cells = [cell for cell in read(notebook)["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    first = code(notebook)[0]
    assert "%pip install --quiet gan-lab-lightning\n" in first + "\n"
    assert 'if importlib.util.find_spec("gan_lab") is None:' in first


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_calls_are_found_to_be_shortened(notebook: Path) -> None:
    text = "\n".join(code(notebook))
    assert all(part in "\n".join("\n".join(code(each)) for each in NOTEBOOKS) for part in SHORTER)
    assert text.count("gan_lab.train(") >= 2


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_pictures_and_numbers(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the extra dev is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the extra dev is not installed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    content = nbformat.read(notebook, as_version=4)
    for cell in content.cells:
        if cell.cell_type == "code":
            for long, short in SHORTER.items():
                cell.source = cell.source.replace(long, short)
    (tmp_path / "here").mkdir()
    client = nbclient.NotebookClient(
        content, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path / "here")}}
    )
    client.execute()
    outputs = [output for cell in content.cells if cell.cell_type == "code" for output in cell.outputs]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert kinds.count("image/png") >= PICTURES[notebook.stem]
    texts = " ".join(
        str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", "")) for output in outputs
    )
    assert [part for part in SHOWN[notebook.stem] if part not in texts] == []
    assert list((tmp_path / "here" / "logs" / "runs").iterdir())


@pytest.mark.slow
def test_a_mistake_in_a_notebook_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it lies in a folder that can't be written."""
    nbformat = pytest.importorskip("nbformat", reason="the extra dev is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the extra dev is not installed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cells = [
        nbformat.v4.new_code_cell("import gan_lab\ngan_lab.train('modl=dcgan')"),
        nbformat.v4.new_code_cell("gan_lab.train('trainer.accelerator=cpu')"),
    ]
    content = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        content, timeout=300, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": "/proc"}}
    )
    client.execute()
    shown = [cell.outputs[-1]["traceback"] for cell in content.cells]
    assert shown[0] == ["Error: modl: no such option. Did you mean model?"]
    assert len(shown[1]) == 1
    assert shown[1][0].startswith("Error: folder=logs/runs/")
