import logging
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_lab.data import listing, places
from gan_lab.data.sources import Source, single
from tests.data import archives

CONTENT = {"cats/1.png": b"one", "cats/deep/2.png": b"two", "dogs/1.jpg": b"three", "readme.txt": b"text"}
Make = Callable[..., Path]


def zipped(path: Path, content: dict[str, bytes] = CONTENT, method: int = zipfile.ZIP_DEFLATED) -> Path:
    return archives.zipped(path, content, method)


def tarred(path: Path, content: dict[str, bytes] = CONTENT) -> Path:
    return archives.tar(path, content, "w")


def unpacked(path: Path, content: dict[str, bytes] = CONTENT) -> Path:
    for name, data in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def at(path: Path | str) -> Source:
    return places.at(str(path), "data.root")


def found(source: Source) -> list[str]:
    return [path.relative_to(source.root).as_posix() for path in source.find(listing.log.log)]


MAKES: list[tuple[Make, str]] = [(zipped, "a.zip"), (tarred, "a.tar"), (unpacked, "a")]


@pytest.mark.parametrize(("make", "name"), MAKES)
def test_folders_and_archives_are_alike(
    make: Make, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    source = at(make(tmp_path / name))
    names = source.find(listing.log.log)
    assert [path.relative_to(tmp_path / name).as_posix() for path in names] == [*CONTENT][:3]
    assert [source.open(path).read() for path in names] == [b"one", b"two", b"three"]
    assert "3 of 4 files are images; not used: 1 .txt" in caplog.text
    assert [*listing.by_folder(names, len(source.root.parts))] == ["cats", "dogs"]


@pytest.mark.parametrize(("make", "name"), MAKES)
def test_a_file_has_a_state_that_changes_with_it(make: Make, name: str, tmp_path: Path) -> None:
    one = at(make(tmp_path / name))
    states = [one.state(path) for path in one.find(listing.log.log)]
    other = at(
        make(tmp_path / "other" if name == "a" else tmp_path / f"other{name}", CONTENT | {"cats/1.png": b"four"})
    )
    changed = [other.state(path) for path in other.find(listing.log.log)]
    assert states[0] != changed[0]
    assert states[0][0] == 3


def test_a_file_of_one_image_is_a_source_and_of_several_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    source, name = single(tmp_path / "a.png")
    with source.open(name) as file:
        assert file.read() == b"one"
    monkeypatch.setattr("gan_lab.data.sources.medical.is_medical", lambda name: True)
    monkeypatch.setattr("gan_lab.data.sources.medical.count", lambda *_: 12)
    with pytest.raises(ValueError, match="it holds 12 images; one is asked for"):
        single(tmp_path / "a.png")
