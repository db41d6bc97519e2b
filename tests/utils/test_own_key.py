import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_IMODE

import pytest

from gan_lab.utils.own_key import BYTES, folder, own_key


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home/gan_lab"


def test_a_user_has_one_key_which_nobody_else_can_read(home: Path) -> None:
    assert folder() == home
    with ThreadPoolExecutor() as threads:
        (key,) = {future.result() for future in [threads.submit(own_key) for _ in range(8)]}
    assert len(key) == BYTES
    assert own_key() == key
    assert [path.name for path in home.iterdir()] == ["key"]
    assert S_IMODE((home / "key").stat().st_mode) == 0o600


def test_users_have_different_keys(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = own_key()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home.parent / "other"))
    assert own_key() not in (key, b"")


@pytest.mark.parametrize("make", [lambda file: file.mkdir(), os.mkfifo, lambda file: file.write_bytes(bytes(99))])
def test_without_a_key_it_is_said(make: object, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    home.mkdir(parents=True)
    make(home / "key")  # type: ignore[operator]
    assert own_key() == b""
    assert "gan_lab/key can't be kept" in caplog.text
