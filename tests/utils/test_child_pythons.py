import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_lab.utils import child_pythons


@pytest.mark.parametrize("way", ["-c", "-m"])
def test_modules_that_lie_in_the_current_folder_are_not_imported(way: str, tmp_path: Path) -> None:
    for name in ("socket", "agent"):
        (tmp_path / f"{name}.py").write_text("print('planted')")
    command = [sys.executable, way, "import socket, agent" if way == "-c" else "agent"]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    open_to_all = subprocess.run(command, cwd=tmp_path, env=inherited, capture_output=True, text=True, check=True)
    assert "planted" in open_to_all.stdout, "without precautions they are"
    environment = inherited | child_pythons.environment()
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "planted" not in done.stdout
    assert "No module named" in done.stderr


def test_modules_are_looked_for_where_this_program_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "of_the_user.py").write_text("print('found')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["packages", *sys.path])
    environment = os.environ | child_pythons.environment()
    command = [sys.executable, "-c", "import of_the_user"]
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "found\n"


def test_the_current_folder_comes_behind_all_others() -> None:
    assert child_pythons.current_folder_last(["", "/a", "/b"]) == ["/a", "/b", ""]
    assert child_pythons.current_folder_last(["/b", "/a"]) == ["/b", "/a"]
