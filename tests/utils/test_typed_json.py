from pathlib import Path

import pytest
from pydantic import TypeAdapter

from gan_lab.utils.errors import UserError
from gan_lab.utils.typed_json import Count, read_json

FORM = TypeAdapter(dict[str, Count])


def test_what_is_right_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"a": 1}')
    assert read_json(file, FORM) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "can't be read: Invalid JSON"),
        (b"[" * 5000, "can't be read: Invalid JSON"),
        (b"\xff", "can't be read: Invalid JSON"),
        (b'{"a": "\\ud800"}', "can't be read: Invalid JSON"),
        (b"[1]", r"holds \[1\]: must be an object"),
        (b'{"a": "x"}', "holds a='x': must be a valid integer"),
        (b'{"a": NaN}', "holds a=nan: must be"),
        (b'{"a": true}', "holds a=True: must be a valid integer"),
        (b'{"a": 1' + b"0" * 40 + b"}", "must be less than"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_field(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"a\\.json {said}" if "holds" in said or "read" in said else said):
        read_json(file, FORM)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.json can't be read: No such file"):
        read_json(tmp_path / "a.json", FORM)
