from pathlib import Path

import pytest

from gan_lab.utils.errors import UserError
from gan_lab.utils.extras import missing, require


def test_a_missing_module_is_named_by_what_was_chosen() -> None:
    require("logger=csv", "none", "csv", "json")
    with pytest.raises(UserError) as refused:
        require("logger=x", "extra", "csv", "no_such_module_anywhere")
    assert str(refused.value) == missing("logger=x", "extra")
    assert "logger=x: needs a package that is not installed" in str(refused.value)
    assert "[extra]" in str(refused.value)


def test_a_folder_of_the_name_is_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B itself leaves a folder `wandb` wherever it is used."""
    (tmp_path / "no_such_module_anywhere").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match="not installed"):
        require("logger=x", "extra", "no_such_module_anywhere")
