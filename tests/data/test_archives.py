import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gan_lab.data import listing
from gan_lab.utils.errors import UserError
from tests.data.test_sources import CONTENT, MAKES, Make, at, found, tarred, zipped


@pytest.mark.parametrize(("make", "name"), MAKES[:2])
def test_a_folder_around_everything_counts_for_nothing(make: Make, name: str, tmp_path: Path) -> None:
    wrapped = {f"photos/of/{name}": data for name, data in CONTENT.items() if name.endswith("g")}
    assert found(at(make(tmp_path / name, wrapped))) == [*CONTENT][:3]


@pytest.mark.parametrize(("make", "name"), MAKES[:2])
def test_hidden_files_of_archives_are_skipped(make: Make, name: str, tmp_path: Path) -> None:
    more = {"__MACOSX/cats/._1.png": b"", ".hidden/1.png": b"", "cats/._1.png": b""}
    assert found(at(make(tmp_path / name, CONTENT | more))) == [*CONTENT][:3]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_many_threads_read_a_zip(method: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    content = {f"{index:03}.png": generator.bytes(2000) for index in range(200)}
    source = at(zipped(tmp_path / "a.zip", content, method))
    names = source.find(listing.log.log)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert [*pool.map(lambda name: source.open(name).read(), names)] == [*content.values()]


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "cats/../../a.png", "C:/a.png", "..\\a.png"])
@pytest.mark.parametrize(("make", "ending"), [(zipped, "zip"), (tarred, "tar")])
def test_names_that_lead_out_are_refused(make: Make, ending: str, name: str, tmp_path: Path) -> None:
    source = at(make(tmp_path / f"a.{ending}", {"b.png": b"", name: b""}))
    with pytest.raises(UserError, match="leads out of the archive"):
        found(source)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped(tmp_path / "a.zip").read_bytes())
    place = data.index(b"PK\1\2")
    data[place + 8] |= 1  # general purpose flag, in the central directory
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError, match=r"a\.zip: cats/1\.png is encrypted; unpack the archive"):
        found(at(tmp_path / "a.zip"))


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped(tmp_path / "a.zip").read_bytes())
    place = data.index(b"PK\1\2")
    data[place + 24 : place + 28] = (4_000_000).to_bytes(4, "little")  # its size, unpacked
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError, match=r"claims to unpack 5 bytes to 4,000,000, which no image does"):
        found(at(tmp_path / "a.zip"))


@pytest.mark.parametrize(("make", "kind"), [(zipped, "zip"), (tarred, "tar")])
def test_a_damaged_archive_is_refused(make: Make, kind: str, tmp_path: Path) -> None:
    path = make(tmp_path / f"a.{kind}", {f"{index}.png": b"x" * 2000 for index in range(9)})
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"nothing of the kind" * 100, b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"a\.{kind}: (can't be read as a {kind} file|contains no images)"):
            found(at(path))


def test_a_damaged_member_is_named_by_who_decodes_it(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"three", b"tHree"))
    source = at(path)
    *sound, damaged = source.find(listing.log.log)
    assert [source.open(name).read() for name in sound] == [b"one", b"two"]
    with pytest.raises(OSError, match="Bad CRC-32"):
        source.open(damaged)


@pytest.mark.parametrize(("place", "content"), [(30 + len("a.png"), b"\xff" * 8), (8, b"\x09")])
def test_members_that_cannot_be_unpacked_are_damaged_files(place: int, content: bytes, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": b"abc" * 1000})
    data = bytearray(path.read_bytes())
    data[place : place + len(content)] = content  # no deflated bytes, or a compression that nobody knows
    data[data.index(b"PK\1\2") + 10] = data[8]
    path.write_bytes(data)
    source = at(path)
    (name,) = source.find(listing.log.log)
    with pytest.raises(OSError, match="invalid block type|method is not supported"):
        source.open(name)


@pytest.mark.parametrize("pattern", ["train-*.tar", "train-{000..001}.tar"])
def test_shards_of_a_webdataset_have_classes(pattern: str, tmp_path: Path) -> None:
    for shard in range(2):
        samples = {
            f"{shard}{index}.{ending}": data
            for index in range(2)
            for ending, data in (("jpg", b"x"), ("cls", str(index).encode()))
        }
        tarred(tmp_path / f"train-{shard:03}.tar", samples)
    source, said = at(tmp_path / pattern), []
    names = source.find(lambda level, line: said.append(line))
    assert said == [f"{tmp_path}: 4 of 4 files are images"], "files of classes are used"
    assert [name.relative_to(tmp_path).as_posix() for name in names] == [
        "0/train-000_00.jpg",
        "0/train-001_10.jpg",
        "1/train-000_01.jpg",
        "1/train-001_11.jpg",
    ]
    assert source.open(tmp_path / "1/train-001_11.jpg").read() == b"x"
