import argparse
from typing import Any

import pytest

from gan_lab.cli import main
from gan_lab.cli.serve import port
from gan_lab.runs.run import Run
from gan_lab.sharing import serve

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")


def test_the_address_is_told_and_then_answered(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(serve, "serve", lambda application, opened: told.append(opened.getsockname()))
    main(["serve", str(run.folder), "--port", "0", "--device", "cpu"])
    ((host, number),) = told
    assert host == "127.0.0.1"
    assert capsys.readouterr().out == f"http://127.0.0.1:{number}/ draws from run; Ctrl+C ends it\n"


@pytest.mark.parametrize("wrong", ["65536", "-1", "x"])
def test_a_port_is_a_number(wrong: str) -> None:
    assert port("65535") == 65535
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number"):
        port(wrong)
