from pathlib import Path

import pytest

from gan_lab.utils.errors import UserError
from tests.data.test_sources import at, tarred


def test_a_compressed_tar_is_refused(tmp_path: Path) -> None:
    for name in ("a.tar.gz", "b.tgz"):
        (tmp_path / name).touch()
        with pytest.raises(UserError, match=r"is compressed, .* make it a \.tar or a \.zip"):
            at(tmp_path / name)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    tarred(tmp_path / "a-0.tar")
    with pytest.raises(UserError, match=r"there isn't a-1\.tar"):
        at(tmp_path / "a-{0..1}.tar")
    with pytest.raises(UserError, match="there isn't any file"):
        at(tmp_path / "b-*.tar")


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match=r"a\.txt: is a file, not a folder, and none of \.zip, \.tar, \.npy, \.npz"):
        at(tmp_path / "a.txt")
    with pytest.raises(UserError, match="data.root=/nowhere: no such folder"):
        at("/nowhere")
