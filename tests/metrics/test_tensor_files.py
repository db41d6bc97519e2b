from pathlib import Path

import pytest
import torch

from gan_lab.metrics import tensor_files
from gan_lab.utils import files
from gan_lab.utils.errors import DamagedFileError


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.safetensors"
    written = {"a": torch.arange(6).reshape(2, 3).T, "b": torch.tensor(1.5, dtype=torch.float64)}
    tensor_files.write(path, written, {"name": "x", "count": 3})
    tensors, description = tensor_files.read(path)
    assert description == {"name": "x", "count": 3}
    assert all(torch.equal(tensors[name], written[name]) for name in written)
    assert list(path.parent.iterdir()) == [path]
    assert tensor_files.content(written, {"count": 3, "name": "x"}) == path.read_bytes()


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.safetensors"
    tensor_files.write(path, {"a": torch.zeros(2)}, {"name": "old"})

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        tensor_files.write(path, {"a": torch.ones(2)}, {"name": "new"})
    assert tensor_files.read(path)[1] == {"name": "old"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="file.safetensors is damaged"):
        tensor_files.read(path)


@pytest.mark.parametrize(
    "content",
    [
        (1 << 60).to_bytes(8, "little") + b"{}",  # a header of an exabyte
        (2).to_bytes(8, "little") + b"{}",
        (60).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[9999999],"data_offsets":[0,4]}}' + b"0000",
        (9).to_bytes(8, "little") + b"[" * 9,
    ],
)
def test_a_hostile_header_is_damage(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(DamagedFileError, match="is damaged"):
        tensor_files.read(tmp_path / "x.safetensors")
