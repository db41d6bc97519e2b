import gzip
import os
from hashlib import md5
from pathlib import Path

import pytest
import torch

from gan_lab.data import idx
from gan_lab.utils.errors import DamagedFileError

IMAGES = torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4)
CONTENT = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + bytes(range(24))
PACKED = gzip.compress(CONTENT, mtime=0)
CHECKSUMS = frozenset({md5(CONTENT).hexdigest(), md5(PACKED).hexdigest()})


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_plain_and_gzipped_files_hold_the_same(tmp_path: Path) -> None:
    assert torch.equal(idx.read(write(tmp_path, "plain", CONTENT), CHECKSUMS), IMAGES)
    assert torch.equal(idx.read(write(tmp_path, "packed.gz", PACKED), CHECKSUMS), IMAGES)


def test_a_file_packed_anew_is_known_by_its_content(tmp_path: Path) -> None:
    again = gzip.compress(CONTENT, compresslevel=1, mtime=1)
    assert md5(again).hexdigest() not in CHECKSUMS
    assert torch.equal(idx.read(write(tmp_path, "again.gz", again), CHECKSUMS), IMAGES)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("flipped", CONTENT[:-1] + b"\xff", "another file: 40 bytes with md5"),
        ("short", CONTENT[:-1], "another file: 39 bytes"),
        ("empty", b"", "another file: 0 bytes"),
        ("cut.gz", PACKED[:-9], "is damaged: "),
        ("text.gz", b"<html>not found</html>", "is damaged: Not a gzipped file"),
        ("zeros.gz", bytes(40), "is damaged: "),
        ("bomb.gz", gzip.compress(bytes(1 << 27)), "another file: 67,108,865 bytes"),
    ],
)
def test_a_damaged_file_is_named(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(DamagedFileError, match=reason) as error:
        idx.read(path, CHECKSUMS)
    assert str(path) in str(error.value)


def test_only_regular_files_of_a_possible_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.gz")
    with pytest.raises(OSError, match="is not a regular file"):
        idx.read(tmp_path / "pipe.gz", CHECKSUMS)
    monkeypatch.setattr(idx, "LARGEST", 39)
    with pytest.raises(OSError, match="it has more than"):
        idx.read(write(tmp_path, "plain", CONTENT), CHECKSUMS)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (CONTENT[:-1], "truncated: 23 values instead of 24"),
        (CONTENT + b"\x00", "truncated: 25 values instead of 24"),
        (b"\x00\x00\x0d" + CONTENT[3:], "not an idx file of unsigned bytes"),
        (b"", "not an idx file"),
        (CONTENT[:6], "truncated"),
    ],
)
def test_a_plain_file_without_a_published_checksum_must_have_the_right_form(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    packed_only = frozenset({md5(PACKED).hexdigest()})
    assert torch.equal(idx.read(write(tmp_path, "plain", CONTENT), packed_only), IMAGES)
    with pytest.raises(DamagedFileError, match=reason):
        idx.read(write(tmp_path, "broken", content), packed_only)
