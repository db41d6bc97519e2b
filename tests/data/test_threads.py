from pathlib import Path

from gan_lab.data.threads import unreadable


def test_damaged_files_are_counted_and_the_first_named(tmp_path: Path) -> None:
    files = [tmp_path / f"{index}.png" for index in range(9)]
    said = unreadable(files, {index: ValueError(f"reason {index}") for index in range(1, 8)})
    assert said.startswith(f"7 of 9 images can't be read: {files[1]} (reason 1), ")
    assert said.endswith("(reason 5), and 2 more")
