"""The configuration lies beside the package here, and in it where it is installed (tests/test_package.py)."""

from pathlib import Path

import pytest

import gan_lab
from gan_lab.config.home import conf_folder
from tests.conftest import CONF


def test_a_checkouts_configuration_lies_beside_the_package() -> None:
    assert conf_folder() == CONF


def test_an_installed_packages_lies_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gan_lab, "__file__", str(tmp_path / "gan_lab/__init__.py"))
    (tmp_path / "conf").mkdir()  # another program's
    (tmp_path / "gan_lab/conf").mkdir(parents=True)
    (tmp_path / "gan_lab/conf/train.yaml").touch()
    assert conf_folder() == tmp_path / "gan_lab/conf"
