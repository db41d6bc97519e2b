import io
import logging
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.data import listing, sources
from gan_lab.data.sources import Source
from gan_lab.utils.errors import UserError

CONTENT = {"cats/1.png": b"one", "cats/deep/2.png": b"two", "dogs/1.jpg": b"three", "readme.txt": b"text"}
Make = Callable[..., Path]


def zipped(path: Path, content: dict[str, bytes] = CONTENT, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, content: dict[str, bytes] = CONTENT) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def unpacked(path: Path, content: dict[str, bytes] = CONTENT) -> Path:
    for name, data in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def at(path: Path | str) -> Source:
    return sources.at(str(path), "data.root")


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


def test_a_compressed_tar_is_refused(tmp_path: Path) -> None:
    for name in ("a.tar.gz", "b.tgz"):
        (tmp_path / name).touch()
        with pytest.raises(UserError, match=r"is compressed, .* make it a \.tar or a \.zip"):
            at(tmp_path / name)


@pytest.mark.parametrize("pattern", ["train-*.tar", "train-{000..001}.tar"])
def test_shards_of_a_webdataset_have_classes(pattern: str, tmp_path: Path) -> None:
    for shard in range(2):
        samples = {
            f"{shard}{index}.{ending}": data
            for index in range(2)
            for ending, data in (("jpg", b"x"), ("cls", str(index).encode()))
        }
        tarred(tmp_path / f"train-{shard:03}.tar", samples)
    source = at(tmp_path / pattern)
    assert found(source) == [
        "0/train-000_00.jpg",
        "0/train-001_10.jpg",
        "1/train-000_01.jpg",
        "1/train-001_11.jpg",
    ]
    assert source.open(tmp_path / "1/train-001_11.jpg").read() == b"x"


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    tarred(tmp_path / "a-0.tar")
    with pytest.raises(UserError, match=r"there isn't a-1\.tar"):
        at(tmp_path / "a-{0..1}.tar")
    with pytest.raises(UserError, match="there isn't any file"):
        at(tmp_path / "b-*.tar")


def packed(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


IMAGES = np.arange(4 * 2 * 3 * 1, dtype=np.uint16).reshape(4, 2, 3, 1)


def test_an_npz_has_classes_in_the_order_of_its_labels(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.npz", images=IMAGES, labels=np.array([1, 0, 1, 0]), classes=np.array(["zebra", "ant"]))
    source = at(path)
    assert found(source) == ["ant/0", "ant/2", "zebra/1", "zebra/3"]
    assert source.classes == ["zebra", "ant"]
    assert np.array_equal(source.array(path / "ant/2"), IMAGES[2])


def test_an_npy_holds_grey_images_or_channels(tmp_path: Path) -> None:
    for images, shape in ((IMAGES[..., 0], (2, 3, 1)), (IMAGES.repeat(5, 3), (2, 3, 5))):
        np.save(tmp_path / "a.npy", images)
        source = at(tmp_path / "a.npy")
        assert found(source) == ["0", "1", "2", "3"]
        array = source.array(tmp_path / "a.npy/3")
        assert array is not None
        assert array.shape == shape
        assert array[0, 0, 0] == images.reshape(4, -1)[3, 0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": IMAGES}, "can't be read as a npz file"),
        ({"images": IMAGES[0, 0]}, r"its images are uint16 \(3, 1\), and must be numbers"),
        ({"images": IMAGES[:0]}, r"its images are uint16 \(0, 2, 3, 1\)"),
        ({"images": IMAGES.astype(str)}, "its images are <U"),
        ({"images": IMAGES.astype(object)}, "can't be read as a npz file: Object arrays cannot be loaded"),
        ({"images": IMAGES, "labels": np.arange(3)}, r"its labels are int64 \(3,\), and must be 4 whole numbers"),
        ({"images": IMAGES, "labels": np.full(4, -1)}, "from 0 on"),
        ({"images": IMAGES, "labels": np.ones(4)}, "its labels are float64"),
        ({"images": IMAGES, "labels": np.arange(4), "classes": ["a"]}, "has labels up to 3, and names for 1 classes"),
    ],
)
def test_wrong_arrays_are_refused(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        found(at(packed(tmp_path / "a.npz", **arrays)))


def test_a_damaged_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=np.random.default_rng(0).integers(0, 9, (40, 8, 8, 1), np.uint8))
    data = bytearray(path.read_bytes())
    data[300:340] = b"\xff" * 40
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.npz: can't be read as a npz file"):
        found(at(path))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object))
    with pytest.raises(UserError, match="can't be read as a npy file: .*Python objects"):
        found(at(tmp_path / "a.npy"))


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match=r"a\.txt: is a file, not a folder, and none of \.zip, \.tar, \.npy, \.npz"):
        at(tmp_path / "a.txt")
    with pytest.raises(UserError, match="data.root=/nowhere: no such folder"):
        at("/nowhere")
