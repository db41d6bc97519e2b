"""The blocks of docs/python.md, one after the other, as a reader types them; steps and scores are fewer."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gan_lab
from gan_lab.api import training
from gan_lab.data import mnist
from tests.conftest import OFFLINE, REPOSITORY, all_digits

PAGE = (REPOSITORY / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SHORTER = {
    "max_steps=500": "max_steps=4",
    "max_steps=1000": "max_steps=6",
    "max_steps=20": "max_steps=4",
    "(1000)": "(20)",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, without network, where trainings are short."""
    original = training.train

    def short(*overrides: str, **options: Any) -> gan_lab.Run:
        small = ["trainer.log_every_n_steps=2", "callbacks.scores=null", "data.batch_size=8"]
        named = [*OFFLINE, *small, "model/network=mlp"] if "model=cgan" in overrides else [*OFFLINE[1:], *small]
        if "networks" in options:
            named = [*OFFLINE[1:], *small]
        if "data" in options:
            named = [option for option in named if option != "data.download=false"]
        return original(*overrides, *([] if "resume" in options else named), **options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gan_lab, "train", short, raising=False)
    monkeypatch.setattr(mnist, "substitute", all_digits)


def test_every_block_does_what_it_says(here: None, capsys: pytest.CaptureFixture[str]) -> None:
    names = ModuleType("reader")
    for block in BLOCKS:
        code = block
        for long, short in SHORTER.items():
            code = code.replace(long, short)
        exec(compile(code, "docs/python.md", "exec"), vars(names))
        if "dcgann" in code:
            said = re.search(r"print\(error\)  # (.*)", code)
            assert said
            assert capsys.readouterr().out.endswith(f"{said[1]}\n")
    assert len(BLOCKS) == 9
    assert len(list(Path("logs/runs").iterdir())) == 4


def test_every_method_is_on_the_page() -> None:
    methods = {name for name in vars(gan_lab.Run) if not name.startswith("_")}
    assert {name for name in methods if f"run.{name}" not in PAGE} == set()
    for name in ("data", "labels", "networks", "loss", "model", "callbacks", "folder", "resume"):
        assert f"{name}=" in PAGE
