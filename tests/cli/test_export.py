from pathlib import Path

import pytest

from gan_lab.cli import main, outputs
from gan_lab.runs.run import Run
from tests.conftest import full_disk


def export(run: Run, out: Path, *options: str) -> None:
    main(["export", str(run.folder), "--out", str(out), *options])


def test_a_folder_is_written(conditional_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    export(conditional_run, out, "--format", "torch")
    assert capsys.readouterr().out == f"MODEL_CARD.md, generator.pt2, grid.png: {out}\n"
    assert sorted(path.name for path in out.iterdir()) == ["MODEL_CARD.md", "generator.pt2", "grid.png"]
    export(conditional_run, out, "--format", "safetensors", "--force")
    assert sorted(path.name for path in out.iterdir()) == [
        "MODEL_CARD.md",
        "config.json",
        "grid.png",
        "model.safetensors",
    ]
    main(["sample", str(out), "--class", "3", "--out", str(tmp_path / "threes.png")])
    assert "of class 3 after 320 training images" in capsys.readouterr().out


def test_a_full_disk_leaves_what_was_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    export(run, out, "--format", "safetensors")
    before = {path: path.read_bytes() for path in out.iterdir()}
    monkeypatch.setattr(outputs, "write_atomically", full_disk)
    for place, force in ((out, ["--force"]), (tmp_path / "new", [])):
        with pytest.raises(SystemExit, match=f"--out {place}: can't be written: No space left on device"):
            export(run, place, "--format", "safetensors", *force)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "run"]


def test_the_examples_of_the_help_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert "gan-lab export RUN --format onnx" in capsys.readouterr().out
