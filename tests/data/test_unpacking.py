"""Archives: members are read, or unpacked whole; what is wrong is named, and leaves nothing behind."""

import gzip
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from gan_lab.data import unpacking
from gan_lab.utils.errors import DamagedFileError
from tests.data.archives import tar, zipped

MEMBERS = {"top/a.txt": b"one", "top/deep/b.txt": b"two" * 1000, "other/c.txt": b"three"}


@pytest.fixture(params=["tar.gz", "zip"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return (zipped if request.param == "zip" else tar)(tmp_path / f"archive.{request.param}", MEMBERS)


def unpack(archive: Path, inside: str = "top", largest: int = 1 << 20) -> Path:
    target = archive.parent / "place/top"
    unpacking.unpack(archive, inside, target, largest=largest, count=2)
    return target


def test_members_are_read_by_name(archive: Path) -> None:
    found = unpacking.read(archive, ["top/deep/b.txt", "other/c.txt"], largest=3000)
    assert found == {name: MEMBERS[name] for name in ("top/deep/b.txt", "other/c.txt")}


def test_missing_and_large_members_are_named(archive: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"archive\.\S+ lacks top/z\.txt and 1 more files"):
        unpacking.read(archive, ["top/z.txt", "top/a.txt", "y"], largest=9)
    with pytest.raises(DamagedFileError, match=r"top/deep/b\.txt has 3,000 bytes, more than 2,999"):
        unpacking.read(archive, ["top/deep/b.txt"], largest=2999)


def test_a_folder_is_unpacked_whole(archive: Path) -> None:
    target = unpack(archive)
    files = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert files == {"a.txt": b"one", "deep/b.txt": b"two" * 1000}
    assert [path.name for path in target.parent.iterdir()] == ["top"]


@pytest.mark.parametrize(("inside", "largest", "message"), [("tip", 9999, "lacks the folder tip"), ("top", 9, "more")])
def test_what_can_not_be_unpacked_leaves_nothing(inside: str, largest: int, message: str, archive: Path) -> None:
    with pytest.raises(DamagedFileError, match=message):
        unpack(archive, inside, largest)
    assert list((archive.parent / "place").iterdir()) == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_truncated_archives_are_named(share: float, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    with pytest.raises(DamagedFileError, match=r"archive\.\S+ (is damaged|lacks)"):
        unpack(archive)
    assert list((archive.parent / "place").iterdir()) == []
    with pytest.raises(DamagedFileError, match=r"archive\.\S+ (is damaged|lacks)"):
        unpacking.read(archive, ["other/c.txt"], largest=9)


def test_nothing_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    archive = tar(tmp_path / "archive.tar.gz", {"top/../../out.txt": b"out"})
    with pytest.raises(DamagedFileError, match=r"top/\.\./\.\./out\.txt leads out of its folder"):
        unpack(archive)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.tar.gz", "place"]


def test_links_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with tarfile.open(tmp_path / "archive.tar", "w") as archive:
        link = tarfile.TarInfo("top/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        plain = tarfile.TarInfo("top/a")
        plain.size = 1
        archive.addfile(plain, BytesIO(b"a"))
    assert [path.name for path in unpack(tmp_path / "archive.tar").iterdir()] == ["a"]


def test_gzipped_content_is_read_up_to_a_limit() -> None:
    packed = gzip.compress(b"12345", mtime=0)
    assert unpacking.gunzipped(packed, "a.gz", largest=9) == b"12345"
    assert unpacking.gunzipped(packed, "a.gz", largest=2) == b"123"
    for damaged in (packed[:-3], b"12345", packed[:12] + b"\xff" * 9):
        with pytest.raises(DamagedFileError, match=r"^a\.gz is damaged"):
            unpacking.gunzipped(damaged, "a.gz", largest=9)
