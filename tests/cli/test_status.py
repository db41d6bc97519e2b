from pathlib import Path

import pytest

from gan_lab.cli import main
from gan_lab.runs.run import Run


def test_a_run_is_a_row_and_a_summary(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.update_record(status="interrupted")
    main(["status", str(run.folder)])
    table, _, summary = capsys.readouterr().out.partition("\n\n")
    assert "interrupted" in table
    assert len(table.splitlines()) == 2, "a heading and the run"
    assert "1 interrupted" in summary


def test_a_folder_of_neither_kind_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"holds neither a run nor a sweep"):
        main(["status", str(tmp_path)])
