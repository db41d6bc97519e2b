from pathlib import Path

import pytest

from gan_lab.cli import main, outputs
from gan_lab.runs.run import Run
from tests.conftest import full_disk


def test_a_page_is_written(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    main(["report", str(run.folder), str(run.folder), "--out", str(out)])
    assert capsys.readouterr().out == f"1 run: {out}\n"
    assert out.read_text().startswith("<!doctype html>")
    with pytest.raises(SystemExit, match="exists already"):
        main(["report", str(run.folder), "--out", str(out)])
    main(["report", str(run.folder), "--out", str(out), "--force"])


def test_a_full_disk_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "write_atomically", full_disk)
    with pytest.raises(SystemExit, match=r"--out .*page\.html: can't be written: No space left on device"):
        main(["report", str(run.folder), "--out", str(tmp_path / "page.html")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
