import json
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from gan_lab.cli import main
from gan_lab.cli.augment import FILTERS
from gan_lab.runs.run import Run
from gan_lab.usefulness import filters

QUICK = ("--real", "4", "--generated", "0,1", "--seeds", "1,2", "--steps", "2", "--device", "cpu")


def test_the_command_knows_the_filters_that_there_are() -> None:
    assert get_args(filters.Filter) == FILTERS


def test_tables_and_a_picture_are_written_and_the_table_is_printed(
    conditional_run: Run, few_digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["augment", str(conditional_run.folder), *QUICK, "--generator-steps", "2", "--data-root", str(few_digits)]
    main(typed)
    (options,) = (tmp_path / "logs" / "augment" / "conditional").glob("*/options.json")
    out = options.parent
    printed = capsys.readouterr().out
    assert "real + 1 generated, classical" in printed
    assert "seed 2: a generator, 2 batches" in printed
    told = json.loads((out / "table.json").read_text())
    assert [line["seeds"] for line in told["lines"]] == [[1, 2]] * 5
    assert "±" in (out / "table.md").read_text(encoding="utf-8")
    assert (out / "table.csv").read_text().startswith("run,real,arm")
    assert Image.open(out / "picture.png").width > 500
    tables = {file: file.read_bytes() for file in out.iterdir()}
    main([*typed, "--seeds", "1", "--filters", "none,discriminator"])
    printed = capsys.readouterr().out
    assert len([*(out.parent / "generators").iterdir()]) == 2, "studies share them"
    (other,) = {file.parent for file in out.parent.glob("*/table.md")} - {out}
    assert f"Written to {other.relative_to(tmp_path)}: table.md" in printed
    assert "(discriminator)" in (other / "table.md").read_text(encoding="utf-8")
    main(typed)  # all is there already
    assert "a generator" not in capsys.readouterr().out
    assert {file: file.read_bytes() for file in out.iterdir()} == tables, "no other study has touched them"


def test_who_stops_it_is_told_how_it_goes_on(
    conditional_run: Run, few_digits: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gan_lab.usefulness.study.study", stop)
    with pytest.raises(SystemExit) as ending:
        main(["augment", str(conditional_run.folder), *QUICK])
    assert ending.value.code == 130
    assert "The same command goes on from here" in capsys.readouterr().out
