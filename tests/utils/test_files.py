import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_lab.utils import files
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import (
    append,
    atomic_write,
    link_or_copy,
    open_regular,
    read_regular,
    refuse_ways_out,
    remove_unfinished,
    unfinished,
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


def test_what_a_kill_leaves_is_removed_and_nothing_that_only_has_its_name(tmp_path: Path) -> None:
    with unfinished(tmp_path) as folder:
        left = shutil.copytree(folder, tmp_path / f"{folder.name}-left")  # as a kill leaves it
        (left / "last.ckpt").write_bytes(b"half")
        mine = [tmp_path / name for name in (f"{folder.name}-thesis", ".thesis.tex.0123abcd.partial", "partial-thesis")]
        for path in mine:
            path.mkdir()
            (path / "unfinished").write_text("my results")
    (tmp_path / f"{folder.name}-link").symlink_to(left)
    assert remove_unfinished(tmp_path) == [left]
    assert not left.exists()
    assert [(path / "unfinished").read_text() for path in mine] == ["my results"] * 3
    assert remove_unfinished(tmp_path) == []


def test_links_and_files_within_a_folder_are_no_ways_out(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints/last.ckpt").write_text("state")
    os.link(folder / "checkpoints/last.ckpt", folder / "previous.ckpt")
    (folder / "latest").symlink_to("checkpoints/last.ckpt")
    (folder / "to_come").symlink_to("checkpoints/next.ckpt")
    refuse_ways_out(folder)
    (tmp_path / "link").symlink_to(folder)
    refuse_ways_out(tmp_path / "link")


@pytest.mark.parametrize("name", ["train.log", "evaluations/x"])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("soft", "leads out of"),
        ("folder", "leads out of"),
        ("to come", "leads out of"),
        ("itself", "leads out of"),
        ("hard", r"is also a file outside of .* \(a hard link\)"),
        ("fifo", "is neither a file nor a folder"),
    ],
)
def test_ways_out_of_a_folder_are_named(kind: str, message: str, name: str, tmp_path: Path) -> None:
    letter, path = tmp_path / "letter", tmp_path / "run" / name
    letter.write_text("mine")
    path.parent.mkdir(parents=True)
    if kind == "hard":
        os.link(letter, path)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to({"soft": letter, "folder": tmp_path, "to come": tmp_path / "new", "itself": path}[kind])
    with pytest.raises(UserError, match=f"{path} {message}"):
        refuse_ways_out(tmp_path / "run")


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


def test_all_is_appended_or_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this system has no limits of resources")
    file = tmp_path / "a"
    append(file, b"one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            append(file, b"x" * 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    append(file, bytearray(b"two"))
    assert file.read_bytes() == b"onetwo"


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_nothing_is_appended_through_a_link(link: Callable[[Path, Path], None], tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("mine")
    link(tmp_path / "letter", tmp_path / "train.log")
    with pytest.raises(OSError, match="link"):
        append(tmp_path / "train.log", b"a line")
    assert (tmp_path / "letter").read_text() == "mine"


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.log")
    with pytest.raises(OSError, match="No such device"):
        append(tmp_path / "train.log", b"a line")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_regular_files_are_opened_to_read(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "a")
    with pytest.raises(OSError, match="not a regular file|Is a directory"):
        open_regular(tmp_path / "a")


def test_where_the_system_knows_no_such_flags_a_link_is_seen_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY"):
        monkeypatch.delattr(os, flag)
    (tmp_path / "other").write_bytes(b"old")
    (tmp_path / "log").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="[Ll]evels of symbolic links"):
        append(tmp_path / "log", b"new")
    append(tmp_path / "other", b"er")
    assert read_regular(tmp_path / "other") == b"older"
    write_atomically(tmp_path / "other", "whole")
    assert read_regular(tmp_path / "other") == b"whole"


def test_where_the_system_has_no_links_a_twin_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "link")
    (tmp_path / "source").write_text("content")
    link_or_copy(tmp_path / "source", tmp_path / "twin")
    assert (tmp_path / "twin").read_text() == "content"
    assert (tmp_path / "twin").stat().st_nlink == 1


def test_files_are_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcd")
    assert read_regular(tmp_path / "a", 4) == b"abcd"
    with pytest.raises(OSError, match="it has more than"):
        read_regular(tmp_path / "a", 3)
