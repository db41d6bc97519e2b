from pathlib import Path

import pytest

from gan_lab.cli.outputs import check_ending, check_output, put, refuse_existing
from gan_lab.utils.errors import UserError


def test_what_exists_is_replaced_only_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    refuse_existing("--out", None, False)
    refuse_existing("--out", file, False)
    file.write_text("precious")
    with pytest.raises(UserError, match=r"--out .*a\.json: exists already"):
        refuse_existing("--out", file, False)
    refuse_existing("--out", file, True)
    with pytest.raises(UserError, match=r"--out .*: is a folder"):
        refuse_existing("--out", tmp_path, True)


def test_files_are_whole_and_their_folders_made(tmp_path: Path) -> None:
    put("--out", tmp_path / "new" / "a.md", "± 1")
    put("--out", tmp_path / "new" / "b.png", b"\x89PNG")
    assert (tmp_path / "new" / "a.md").read_text(encoding="utf-8") == "± 1"
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["a.md", "b.png"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"--neighbours .*x\.png: can't be written"):
        put("--neighbours", tmp_path / "file" / "x.png", b"")


def test_a_folder_is_replaced_only_where_it_holds_png_files_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "deep" / "deeper" / "a.png").write_bytes(b"")
    check_output(tmp_path, force=True)
    (tmp_path / "deep" / "deeper" / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="holds more than images"):
        check_output(tmp_path, force=True)
    (tmp_path / "deep" / "deeper" / "thesis.tex").unlink()
    (tmp_path / "link").symlink_to(tmp_path / "deep")
    with pytest.raises(UserError, match="holds more than images"):
        check_output(tmp_path, force=True)


def test_a_format_is_told_by_the_ending() -> None:
    check_ending("--grid", None, [".png"], "a grid is a .png")
    check_ending("--grid", Path("a.PNG"), [".png"], "a grid is a .png")
    with pytest.raises(UserError, match=r"^--grid a\.jpg: unknown format \.jpg; a grid is a \.png$"):
        check_ending("--grid", Path("a.jpg"), [".png"], "a grid is a .png")
    with pytest.raises(UserError, match="--grid a: has no ending; a grid is a .png"):
        check_ending("--grid", Path("a"), [".png"], "a grid is a .png")
