"""Downloads: over https, bounded, checked, whole or not there."""

import sys
from email.message import Message
from hashlib import md5, sha256
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request

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


class Server:
    """Answers for a part of its content, as far as it knows of parts, and breaks off after some bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, knows_parts: bool = True) -> None:
        self.asked: list[str | None] = []
        self.breaks_after: int | None = None
        self.knows_parts = knows_parts
        monkeypatch.setattr(download, "urlopen", self.open)

    def open(self, request: Request, timeout: float) -> Answer:
        begin = request.get_header("Range")
        self.asked.append(begin)
        start = int(begin.removeprefix("bytes=").removesuffix("-")) if begin and self.knows_parts else 0
        rest = CONTENT[start:]
        answer = Answer(rest[: self.breaks_after], URL, len(rest))
        answer.status = 206 if start else 200  # type: ignore[attr-defined]
        return answer


def resume(target: Path, content: bytes = CONTENT) -> None:
    download.fetch(URL, target, checksum=md5(content).hexdigest(), algorithm="md5", largest=1 << 20, resumable=True)


@pytest.mark.parametrize("knows_parts", [True, False])
def test_a_download_goes_on_where_it_was_cut_off(
    knows_parts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, target = Server(monkeypatch, knows_parts), tmp_path / "new/file.gz"
    server.breaks_after = 1000
    with pytest.raises(ValueError, match="cut off after 1,000 of 600,000 bytes"):
        resume(target)
    assert [path.stat().st_size for path in target.parent.iterdir()] == [1000]
    server.breaks_after = 500 if knows_parts else 1500
    with pytest.raises(ValueError, match="cut off after 1,500 of 600,000 bytes"):
        resume(target)
    server.breaks_after = None
    resume(target)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-", "bytes=1500-"]
    assert [path.name for path in target.parent.iterdir()] == ["file.gz"]


def test_a_part_of_something_else_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, target = Server(monkeypatch), tmp_path / "file.gz"
    part = tmp_path / f"file.gz.{md5(CONTENT).hexdigest()[:8]}.part"
    part.write_bytes(b"wrong")
    with pytest.raises(ValueError, match="the checksum is"):
        resume(target)
    assert list(tmp_path.iterdir()) == []
    resume(target)
    assert target.read_bytes() == CONTENT
    assert server.asked == ["bytes=5-", None]


def test_a_part_that_is_all_needs_no_network(tmp_path: Path) -> None:
    part = tmp_path / f"file.gz.{md5(CONTENT).hexdigest()[:8]}.part"
    part.write_bytes(CONTENT)
    resume(tmp_path / "file.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["file.gz"]


def test_a_part_at_the_end_of_which_nothing_follows_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch)

    def refuse(request: Request, timeout: float) -> Answer:
        if request.get_header("Range"):
            raise HTTPError(URL, 416, "Range Not Satisfiable", Message(), None)
        return Answer(CONTENT, URL, len(CONTENT))

    monkeypatch.setattr(download, "urlopen", refuse)
    part = tmp_path / f"file.gz.{md5(CONTENT).hexdigest()[:8]}.part"
    part.write_bytes(CONTENT + b"more")
    resume(tmp_path / "file.gz")
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert server.asked == []


def test_a_page_in_place_of_the_file_is_said_to_be_one(serve: Serve, tmp_path: Path) -> None:
    answer = Answer(b"<html>Too many have asked</html>", URL)
    answer.headers = {"Content-Type": "text/html; charset=utf-8"}  # type: ignore[attr-defined]
    serve(answer)
    with pytest.raises(ValueError, match=r"file\.gz: the server sent a web page in place of the file"):
        resume(tmp_path / "file.gz")
    assert list(tmp_path.iterdir()) == []


def test_the_checksum_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    assert download.checksum_of(tmp_path / "a", "md5") == md5(CONTENT).hexdigest()
    assert download.checksum_of(tmp_path / "a", "sha256") == sha256(CONTENT).hexdigest()
    with pytest.raises(OSError, match="is not a regular file|Is a directory"):
        download.checksum_of(tmp_path, "md5")
