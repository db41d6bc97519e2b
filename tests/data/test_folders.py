from pathlib import Path

import pytest

from gan_lab.data.folders import existing_folders
from gan_lab.utils.errors import UserError


def test_folders_are_one_for_each_side_or_one_for_both(tmp_path: Path) -> None:
    here = str(tmp_path)
    assert existing_folders(None, {"data.a": here, "data.b": here}) == [tmp_path, tmp_path]
    assert existing_folders(here, {"data.a": None, "data.b": None}) == [tmp_path]
    for root, a, b in ((None, None, None), (None, here, None), (here, here, None), (here, here, here)):
        with pytest.raises(ValueError, match=r"^set data\.a and data\.b, or data\.root alone"):
            existing_folders(root, {"data.a": a, "data.b": b})
    with pytest.raises(UserError, match=r"^data\.root=/nowhere: no such folder"):
        existing_folders("/nowhere", {"data.a": None, "data.b": None})
    with pytest.raises(UserError, match=r"^data\.b=/nowhere: no such folder"):
        existing_folders(None, {"data.a": here, "data.b": "/nowhere"})
