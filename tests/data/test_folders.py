from pathlib import Path

import pytest

from gan_lab.data.folders import existing_sources
from gan_lab.utils.errors import UserError


def roots(root: str | None, a: str | None, b: str | None) -> list[Path]:
    return [source.root for source in existing_sources(root, {"data.a": a, "data.b": b}, 2)]


def test_folders_are_one_for_each_side_or_one_for_both(tmp_path: Path) -> None:
    here = str(tmp_path)
    assert roots(None, here, here) == [tmp_path, tmp_path]
    assert roots(here, None, None) == [tmp_path]
    for root, a, b in ((None, None, None), (None, here, None), (here, here, None), (here, here, here)):
        with pytest.raises(ValueError, match=r"^set data\.a and data\.b, or data\.root alone"):
            existing_sources(root, {"data.a": a, "data.b": b}, 2)
    with pytest.raises(UserError, match=r"^data\.root=/nowhere: no such folder"):
        existing_sources("/nowhere", {"data.a": None, "data.b": None}, 2)
    with pytest.raises(UserError, match=r"^data\.b=/nowhere: no such folder"):
        existing_sources(None, {"data.a": here, "data.b": "/nowhere"}, 2)
