import os
from pathlib import Path

import pytest

from gan_lab.utils import files
from gan_lab.utils.files import atomic_write, in_use, link_or_copy, remove_abandoned_folders, remove_partial_files


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


def test_folders_that_nobody_is_at_work_in_are_swept(tmp_path: Path) -> None:
    for name in ("partial-used", "partial-left", "partial-new", "whole"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "images.npy").write_bytes(b"x")
        if name != "partial-new":
            os.utime(tmp_path / name, (0, 0))
    with in_use(tmp_path / "partial-used"):
        assert [folder.name for folder in remove_abandoned_folders(tmp_path, "partial-*")] == ["partial-left"]
    assert {folder.name for folder in tmp_path.iterdir()} == {"partial-used", "partial-new", "whole"}
    assert remove_abandoned_folders(tmp_path / "nowhere", "partial-*") == []
