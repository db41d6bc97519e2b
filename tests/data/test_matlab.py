"""MATLAB files: arrays by name, or one line."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from gan_lab.data import matlab
from gan_lab.utils.errors import DamagedFileError


def test_arrays_come_by_name(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"X": np.arange(6, dtype=np.uint8).reshape(2, 3), "y": np.ones((2, 1))})
    found = matlab.read(tmp_path / "a.mat", "X", "y")
    assert found["X"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["y"].shape == (2, 1)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"X": np.ones(2)})
    with pytest.raises(DamagedFileError, match=r"a\.mat lacks the array y"):
        matlab.read(tmp_path / "a.mat", "X", "y")


@pytest.mark.parametrize("kept", [0, 10, 150, 200])
def test_a_damaged_file_is_named(kept: int, tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"X": np.arange(100.0)})
    path = tmp_path / "b.mat"
    path.write_bytes((tmp_path / "a.mat").read_bytes()[:kept])
    with pytest.raises(DamagedFileError, match=r"b\.mat (is damaged or no MATLAB file|lacks the array X)"):
        matlab.read(path, "X")
