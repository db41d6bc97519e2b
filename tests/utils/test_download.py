"""Downloads: over https, bounded, checked, whole or not there."""

import sys
from hashlib import md5, sha256
from pathlib import Path
from urllib.error import URLError

import pytest

from gan_lab.utils import download
from gan_lab.utils.terminal import bars_if
from tests.conftest import Answer, Serve

CONTENT = b"digits" * 100_000
URL = "https://server/file.gz"


def fetch(target: Path, url: str = URL, largest: int = 1 << 20) -> None:
    download.fetch(url, target, checksum=md5(CONTENT).hexdigest(), algorithm="md5", largest=largest)


def test_the_right_file_appears_under_its_name(serve: Serve, tmp_path: Path) -> None:
    serve(CONTENT)
    fetch(tmp_path / "new" / "file.gz")
    assert (tmp_path / "new" / "file.gz").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "file.gz"]


@pytest.mark.parametrize(
    ("content", "message"), [(CONTENT[:-1], "the checksum is"), (CONTENT + CONTENT, "more than 1,048,576 bytes")]
)
def test_a_wrong_file_never_appears(content: bytes, message: str, serve: Serve, tmp_path: Path) -> None:
    serve(content)
    (tmp_path / "file.gz").write_bytes(b"old")
    with pytest.raises(ValueError, match=message):
        fetch(tmp_path / "file.gz")
    assert (tmp_path / "file.gz").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_no_more_than_the_limit_is_read(serve: Serve, tmp_path: Path) -> None:
    class Endless(Answer):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size
            assert size > 0
            return b"0" * size

    serve(Endless(b"", URL))
    with pytest.raises(ValueError, match="more than"):
        fetch(tmp_path / "file.gz")


def test_only_https_is_believed(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="http://server/file.gz: not https"):
        fetch(tmp_path / "file.gz", "http://server/file.gz")
    serve(CONTENT, "http://elsewhere/file.gz")
    with pytest.raises(ValueError, match="redirects to http://elsewhere/file.gz: not https"):
        fetch(tmp_path / "file.gz")
    assert not list(tmp_path.iterdir())


def test_without_an_answer_nothing_is_made(serve: Serve, tmp_path: Path) -> None:
    serve(fails=URLError("down"))
    with pytest.raises(URLError, match="down"):
        fetch(tmp_path / "new" / "file.gz")
    assert not list(tmp_path.iterdir())


def test_a_checksum_may_be_a_sha256(serve: Serve, tmp_path: Path) -> None:
    serve(CONTENT)
    for name, content in (("right", CONTENT), ("wrong", CONTENT[1:])):
        options = {"checksum": sha256(content).hexdigest(), "algorithm": "sha256", "largest": 1 << 20}
        if name == "right":
            download.fetch(URL, tmp_path / name, **options)
        else:
            with pytest.raises(ValueError, match="the checksum is [0-9a-f]{64} instead of [0-9a-f]{64}"):
                download.fetch(URL, tmp_path / name, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["right"]


def test_a_file_that_is_cut_off_is_said_to_be(serve: Serve, tmp_path: Path) -> None:
    serve(CONTENT[:1000], length=len(CONTENT))
    with pytest.raises(ValueError, match=r"file\.gz: cut off after 1,000 of 600,000 bytes"):
        fetch(tmp_path / "file.gz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("terminal", "wanted"), [(True, True), (True, False), (False, True)])
def test_a_terminal_shows_how_much_has_come(
    terminal: bool,
    wanted: bool,
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    serve(CONTENT, length=len(CONTENT))
    with bars_if(wanted):
        fetch(tmp_path / "file.gz")
    shown = capsys.readouterr().err
    assert ("file.gz" in shown, "600k/600k" in shown) == (terminal and wanted,) * 2
