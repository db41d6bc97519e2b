"""Downloads: over https, bounded, checked, whole or not there."""

from collections.abc import Callable
from hashlib import md5
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from gan_lab.data import download

CONTENT = b"digits" * 100_000
URL = "https://server/file.gz"


class Answer(BytesIO):
    def __init__(self, content: bytes, url: str = URL) -> None:
        super().__init__(content)
        self.url = url


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has the network answer so."""

    def answer(content: bytes | Answer = b"", url: str = URL, fails: Exception | None = None) -> None:
        def urlopen(request: Any, timeout: float) -> Answer:
            assert timeout > 0
            if fails:
                raise fails
            return content if isinstance(content, Answer) else Answer(content, url)

        monkeypatch.setattr(download, "urlopen", urlopen)

    return answer


def fetch(target: Path, url: str = URL, largest: int = 1 << 20) -> None:
    download.fetch(url, target, checksum=md5(CONTENT).hexdigest(), largest=largest)


def test_the_right_file_appears_under_its_name(serve: Callable[..., None], tmp_path: Path) -> None:
    serve(CONTENT)
    fetch(tmp_path / "new" / "file.gz")
    assert (tmp_path / "new" / "file.gz").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "file.gz"]


@pytest.mark.parametrize(
    ("content", "message"), [(CONTENT[:-1], "the checksum is"), (CONTENT + CONTENT, "more than 1,048,576 bytes")]
)
def test_a_wrong_file_never_appears(content: bytes, message: str, serve: Callable[..., None], tmp_path: Path) -> None:
    serve(content)
    (tmp_path / "file.gz").write_bytes(b"old")
    with pytest.raises(ValueError, match=message):
        fetch(tmp_path / "file.gz")
    assert (tmp_path / "file.gz").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_no_more_than_the_limit_is_read(serve: Callable[..., None], tmp_path: Path) -> None:
    class Endless(Answer):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size
            assert size > 0
            return b"0" * size

    serve(Endless(b""))
    with pytest.raises(ValueError, match="more than"):
        fetch(tmp_path / "file.gz")


def test_only_https_is_believed(serve: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="http://server/file.gz: not https"):
        fetch(tmp_path / "file.gz", "http://server/file.gz")
    serve(CONTENT, "http://elsewhere/file.gz")
    with pytest.raises(ValueError, match="redirects to http://elsewhere/file.gz: not https"):
        fetch(tmp_path / "file.gz")
    assert not list(tmp_path.iterdir())


def test_without_an_answer_nothing_is_made(serve: Callable[..., None], tmp_path: Path) -> None:
    serve(fails=URLError("down"))
    with pytest.raises(URLError, match="down"):
        fetch(tmp_path / "new" / "file.gz")
    assert not list(tmp_path.iterdir())
