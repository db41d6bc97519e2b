"""Arrays of .npz files: by name, and never a pickle."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from gan_lab.data import npz
from gan_lab.utils.errors import DamagedFileError
from tests.wrong_inputs.given import Payload


def test_arrays_come_in_the_order_that_they_are_asked_for(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(3), y=np.ones((2, 2)))
    y, x = npz.read(tmp_path / "a.npz", "y", "x")
    assert (x.tolist(), y.shape) == ([0, 1, 2], (2, 2))


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    with pytest.raises(DamagedFileError, match=r"a\.npz lacks the array y"):
        npz.read(tmp_path / "a.npz", "x", "y")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    content, single = BytesIO(), BytesIO()
    np.savez(content, x=np.arange(300))
    np.save(single, np.arange(3))
    whole = content.getvalue()
    for number, damaged in enumerate((b"", b"text", whole[:-30], whole[:50], single.getvalue())):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(damaged)
        with pytest.raises(DamagedFileError, match=rf"{number}\.npz is damaged or no \.npz file: "):
            npz.read(path, "x")


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x=np.array([Payload()], dtype=object))
    with pytest.raises(DamagedFileError, match="Object arrays cannot be loaded"):
        npz.read(Path("a.npz"), "x")
    assert not Path("executed").exists()
