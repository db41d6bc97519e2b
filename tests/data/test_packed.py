from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.utils.errors import UserError
from tests.data.test_sources import at, found


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
