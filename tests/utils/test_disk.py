"""A disk in trouble is one line, and another one when it is over."""

import errno
import os
from pathlib import Path

import pytest

from gan_lab.utils import disk
from gan_lab.utils.disk import os_error_in, problem, surviving
from gan_lab.utils.errors import UserError


def write(file: Path, number: int | None = None) -> None:
    with surviving(file):
        if number is not None:
            raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES])
def test_a_disk_is_named_once_with_what_to_do(number: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b", "a"):
        write(tmp_path / name, number)
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path}/a can't be written: {os.strerror(number)} (disk {disk.disk_of(tmp_path)}); ")
    assert line.endswith(f"{disk.REMEDIES[number]}. Training goes on; what can't be written there waits")
    write(tmp_path / "a")
    write(tmp_path / "c")
    assert len(caplog.messages) == 1, "b waits still"
    write(tmp_path / "b")
    assert "takes files again, and what waited is written" in caplog.messages[1]
    write(tmp_path / "a", number)
    assert len(caplog.messages) == 3


def test_another_error_is_no_disk_in_trouble(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), surviving(tmp_path):
        raise ValueError("no")


def test_a_disk_begins_where_it_is_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "ismount", lambda place: Path(place) == tmp_path)
    assert disk.disk_of(tmp_path / "run" / "run.json") == tmp_path
    assert problem(tmp_path / "a", OSError("odd")) == f"{tmp_path}/a can't be written: odd (disk {tmp_path})"


def test_the_systems_error_behind_a_librarys() -> None:
    first, second = OSError(errno.ENOSPC, "full"), RuntimeError("unexpected pos 7")
    second.__context__ = first
    assert os_error_in(second) is first
    assert os_error_in(ValueError("none")) is None


class Grids:
    def __init__(self, unwritten: Path | None) -> None:
        self.unwritten = unwritten


def test_a_run_does_not_end_well_while_something_waits(tmp_path: Path) -> None:
    disk.check_all_written([Grids(None), object()])
    with pytest.raises(UserError, match=f"{tmp_path}/a, {tmp_path}/b could not be written to the end .*resume"):
        disk.check_all_written([Grids(tmp_path / "a"), object(), Grids(None), Grids(tmp_path / "b")])


def test_an_error_without_a_file_says_what_to_do_all_the_same() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert disk.in_words(full) == "a file can not be written: No space left on device; make room there"
    assert (
        disk.in_words(OSError(errno.EACCES, "Permission denied", "a")) == "a: Permission denied; see to the permissions"
    )
    assert disk.in_words(OSError("odd")) == "odd"
