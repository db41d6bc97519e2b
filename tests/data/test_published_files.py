"""Published files: found, verified, fetched; one line where they are not to be had."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from gan_lab.data.published_files import PublishedFile, Shelf
from gan_lab.utils import download
from gan_lab.utils.errors import UserError
from tests.conftest import Answer, Serve
from tests.data.archives import tar

CONTENT = b"digits" * 1000
FILE = PublishedFile("a.bin", "https://server/a.bin", md5(CONTENT).hexdigest(), 1 << 20)


def shelf(root: Path, download: bool = True) -> Shelf:
    return Shelf(root, "own", title="Toys", page="https://server", download=download, advice="Ask nicely")


@pytest.mark.parametrize("place", ["own/a.bin", "a.bin"])
def test_files_are_found_in_either_place(place: str, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / place).write_bytes(CONTENT)
    assert shelf(tmp_path, download=False).provide([FILE]) == {"a.bin": tmp_path / place}


def test_what_is_missing_is_fetched_once(serve: Serve, tmp_path: Path) -> None:
    asked = serve(CONTENT)
    assert shelf(tmp_path / "root").provide([FILE])["a.bin"].read_bytes() == CONTENT
    assert shelf(tmp_path / "root").provide([FILE]) == {"a.bin": tmp_path / "root/own/a.bin"}
    assert asked == ["https://server/a.bin"]
    assert [path.name for path in (tmp_path / "root/own").iterdir()] == ["a.bin"]


def test_two_programs_download_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    both = Barrier(2)

    def slow(request: Any, timeout: float) -> Answer:
        asked.append(request.full_url)
        time.sleep(0.3)  # while the other one comes and waits
        return Answer(CONTENT, request.full_url)

    def provide() -> dict[str, Path]:
        both.wait(60)
        return shelf(tmp_path / "root").provide([FILE])

    monkeypatch.setattr(download, "urlopen", slow)
    with ThreadPoolExecutor(2) as pool:
        found = [future.result() for future in [pool.submit(provide) for _ in range(2)]]
    assert found == [{"a.bin": tmp_path / "root/own/a.bin"}] * 2
    assert asked == ["https://server/a.bin"]


def test_a_damaged_file_is_named_and_fetched_again(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    serve(CONTENT)
    (tmp_path / "a.bin").write_bytes(b"other")
    with caplog.at_level(logging.WARNING):
        assert shelf(tmp_path).provide([FILE]) == {"a.bin": tmp_path / "own/a.bin"}
    assert f"{tmp_path}/a.bin is damaged or another file: 5 bytes with md5 {md5(b'other').hexdigest()}" in caplog.text
    assert f"in place of {FILE.checksum}. Downloading the file again." in caplog.text


def test_one_right_copy_is_enough(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/a.bin").write_bytes(b"other")
    (tmp_path / "a.bin").write_bytes(CONTENT)
    assert shelf(tmp_path, download=False).provide([FILE]) == {"a.bin": tmp_path / "a.bin"}


def test_a_file_that_changes_is_looked_at_again(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    shelf(tmp_path).provide([FILE])
    (tmp_path / "a.bin").write_bytes(CONTENT + b"1")
    with pytest.raises(UserError, match="a.bin is damaged or another file: 6,001 bytes"):
        shelf(tmp_path, download=False).provide([FILE])


def test_without_a_network_one_line_says_what_to_put_where(tmp_path: Path) -> None:
    other = FILE._replace(name="b.bin")
    with pytest.raises(UserError) as refused:
        shelf(tmp_path).provide([FILE, other])
    assert str(refused.value) == (
        f"{tmp_path}/own lacks a.bin and b.bin of Toys, and the download failed (<urlopen error there is no network in "
        "tests>). Put them there, from https://server. Ask nicely"
    )


def test_a_download_that_is_not_wanted_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"own lacks a\.bin of Toys, and data\.download=false\. Put it there"):
        shelf(tmp_path / "root", download=False).provide([FILE])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_without_a_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"")
    for allowed, reason in ((False, r"data\.download=false"), (True, r"the download failed .*")):
        with pytest.raises(UserError, match=rf"It can't be downloaded again: {reason}\. Replace or remove it\.$"):
            shelf(tmp_path, download=allowed).provide([FILE])
    (tmp_path / "a.bin").write_bytes(bytes(9))
    with pytest.raises(UserError, match="a.bin is another file: 9 bytes, and 8 at most are published"):
        shelf(tmp_path, download=False).provide([FILE._replace(largest=8)])


def archive(root: Path, members: dict[str, bytes]) -> PublishedFile:
    path = tar(root / "own/toys.tar.gz", members)
    return PublishedFile(path.name, "https://server/toys.tar.gz", md5(path.read_bytes()).hexdigest(), 1 << 20)


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    published = archive(tmp_path, {"all/toys/a.bin": CONTENT})
    folder = shelf(tmp_path).unpack(published, "all/toys", largest=1 << 20, count=1)
    assert folder == tmp_path / "own/toys"
    assert shelf(tmp_path).member(folder, FILE).read_bytes() == CONTENT
    (tmp_path / "own/toys.tar.gz").unlink()
    assert shelf(tmp_path).unpack(published, "all/toys", largest=1 << 20, count=1) == folder


def test_an_archive_without_the_folder_is_named(tmp_path: Path) -> None:
    published = archive(tmp_path, {"toys/a.bin": CONTENT})
    with pytest.raises(UserError, match=r"toys\.tar\.gz lacks the folder all/toys\. Replace or remove it\."):
        shelf(tmp_path).unpack(published, "all/toys", largest=1 << 20, count=1)


def test_members_must_be_there_and_right(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lacks a\.bin\. Remove the folder .*; the next run unpacks it again\."):
        shelf(tmp_path).member(tmp_path, FILE)
    (tmp_path / "a.bin").write_bytes(b"")
    with pytest.raises(UserError, match=r"a\.bin is damaged or another file: 0 bytes .* Remove the folder"):
        shelf(tmp_path).member(tmp_path, FILE)
