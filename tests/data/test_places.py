from pathlib import Path

import pytest

from gan_lab.utils.errors import UserError
from tests.data.test_sources import at, tarred


@pytest.mark.parametrize(
    ("name", "program"),
    [("a.tar.gz", "gunzip"), ("b.TGZ", "gunzip"), ("c.tar.bz2", "bunzip2"), ("d.txz", "unxz"), ("e.tar.zst", "unzstd")],
)
def test_a_compressed_tar_is_refused_with_what_unpacks_it(name: str, program: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UserError) as caught:
        at(tmp_path / name)
    assert str(caught.value) == (
        f"data.root={tmp_path}/{name}: is compressed as a whole, and images are read one by one; make it a .tar with "
        f"{program} -k {tmp_path}/{name}"
    )


def test_compressed_shards_are_refused(tmp_path: Path) -> None:
    for index in range(2):
        (tmp_path / f"a-{index}.tar.gz").touch()
    for pattern in ("a-*.tar.gz", "a-{0..1}.tar.gz"):
        with pytest.raises(UserError, match=r"compressed .* gunzip -k"):
            at(tmp_path / pattern)


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
    for name in ("nowhere.zip", "nowhere.npz", "nowhere.tar.gz", "nowhere.dcm"):
        with pytest.raises(UserError, match=f"data.root=/{name}: no such file"):
            at(f"/{name}")
