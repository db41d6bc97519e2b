"""The table is that of the package."""

import pytest

from gan_lab.data.medmnist_table import SUBSETS


def test_channels_classes_and_checksums_are_the_packages() -> None:
    listed = pytest.importorskip(
        "medmnist.info", reason="the package medmnist is not installed, and no extra has it"
    ).INFO
    assert set(SUBSETS) == {name for name in listed if "3d" not in name}
    for name, known in SUBSETS.items():
        info = listed[name]
        assert known.channels == info["n_channels"]
        assert list(known.classes) == [info["label"][str(label)] for label in range(len(info["label"]))]
        assert known.checksums == {size: info["MD5" if size == 28 else f"MD5_{size}"] for size in (28, 64, 128, 224)}
        assert known.several == ("multi-label" in info["task"])


def test_checksums_are_md5_sums_and_all_different() -> None:
    sums = [checksum for known in SUBSETS.values() for checksum in known.checksums.values()]
    assert len(set(sums)) == len(sums) == 48
    assert all(len(checksum) == 32 and int(checksum, 16) for checksum in sums)
