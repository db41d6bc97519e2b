import logging
import re
import sys

import pytest

from gan_lab.utils.errors import fail
from gan_lab.utils.terminal import VisibleFormatter, bar, bars_if, no_bars, say, visible
from tests.conftest import REPOSITORY

TITLE = "a\x1b]0;owned\x07b\x9bc\u202ed\u2066e\ud800"
SHOWN = "a\\x1b]0;owned\\x07b\\x9bc\\u202ed\\u2066e\\ud800"


def test_what_steers_a_terminal_is_spelled_and_the_rest_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert visible(TITLE) == SHOWN
    assert visible("é 日本\n\t±") == "é 日本\n\t±"
    say(TITLE)
    assert capsys.readouterr().out == f"{SHOWN}\n"
    with pytest.raises(SystemExit, match=re.escape(SHOWN)):
        fail(TITLE)


def test_log_lines_are_spelled() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", (TITLE,), None)
    assert VisibleFormatter().format(record) == SHOWN
    assert logging.lastResort is not None
    assert isinstance(logging.lastResort.formatter, VisibleFormatter)


def test_nothing_is_printed_past_it() -> None:
    for path in (REPOSITORY / "gan_lab").rglob("*.py"):
        if path.name != "terminal.py":
            assert not re.search(r"(?<![\w.])print\(", path.read_text()), path


@pytest.mark.parametrize(("terminal", "wanted"), [(True, True), (True, False), (False, True)])
def test_a_bar_is_shown_on_a_terminal_where_it_is_wanted(
    terminal: bool, wanted: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with bars_if(wanted):
        assert no_bars() is (None if wanted else True)
        assert list(bar([3, 4], "Scoring", 2, "images", 500)) == [3, 4]
    shown = capsys.readouterr().err
    assert ("Scoring" in shown, "/1000" in shown) == (terminal and wanted,) * 2
