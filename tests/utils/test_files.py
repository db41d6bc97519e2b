import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_lab.utils import files
from gan_lab.utils.files import (
    atomic_write,
    link_or_copy,
    open_regular,
    read_regular,
    remove_partial_files,
    write_atomically,
)


def test_the_new_content_takes_the_old_ones_place(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "a"
    for content in (b"old", b"new"):
        with atomic_write(target) as file:
            file.write(content)
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["a"]


def test_what_fails_leaves_the_old_content_and_no_rest(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with pytest.raises(ValueError, match="closed"), atomic_write(target) as file:
        file.close()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_content_and_name_are_on_disk_before_it_counts_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = files.os.fsync, Path.replace
    monkeypatch.setattr(files.os, "fsync", lambda handle: done.append("sync") or fsync(handle))
    monkeypatch.setattr(Path, "replace", lambda self, to: done.append("rename") or replace(self, to))
    with atomic_write(tmp_path / "a") as file:
        file.write(b"x")
    assert done == ["sync", "rename", "sync"]


@pytest.mark.parametrize("links", [True, False])
def test_a_twin_keeps_what_its_source_loses(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    if not links:
        monkeypatch.setattr(files.os, "link", refuse)
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"old")
    target.write_bytes(b"older")
    link_or_copy(source, target)
    with atomic_write(source) as file:
        file.write(b"new")
    assert (source.read_bytes(), target.read_bytes()) == (b"new", b"old")
    assert len(list(tmp_path.iterdir())) == 2


def test_half_written_files_are_swept(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for name in (".run.json.partial", "checkpoints/.last.ckpt.partial", "checkpoints/last.ckpt", "my.partial"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in remove_partial_files(tmp_path)] == [".run.json.partial", ".last.ckpt.partial"]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["last.ckpt", "my.partial"]


def test_what_is_written_at_once_is_text_or_bytes(tmp_path: Path) -> None:
    for content in ("grün", b"\x00\xff"):
        write_atomically(tmp_path / "new" / "a", content)
        assert (tmp_path / "new" / "a").read_bytes() == (content.encode() if isinstance(content, str) else content)


def test_a_failing_rename_leaves_the_old_content_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "a", "old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        write_atomically(tmp_path / "a", "new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_two_writers_of_a_file_do_not_mix_their_content(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a") as first, atomic_write(tmp_path / "a") as second:
        first.write(b"first")
        second.write(b"2")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_regular_files_are_opened_to_read(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "a")
    with pytest.raises(OSError, match="not a regular file|Is a directory"):
        open_regular(tmp_path / "a")


def test_files_are_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcd")
    assert read_regular(tmp_path / "a", 4) == b"abcd"
    with pytest.raises(OSError, match="it has more than"):
        read_regular(tmp_path / "a", 3)
