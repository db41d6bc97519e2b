"""A table of labels: a CSV file with a line for each image.

file,class                     file,smiling,glasses
a/1.png,cat                    a/1.png,yes,no
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from gan_lab.utils.errors import UserError, nearest, reason
from gan_lab.utils.files import read_regular

FILE, CLASS = "file", "class"  # columns
DELIMITERS = ",;\t"
LARGEST = 1 << 30  # bytes
NAMED = 3  # things of a kind that a message names


class LabelTable:
    """The cells of a table by file and column.

    The text is UTF-8, with or without a byte order mark, and its cells are parted by commas, semicolons or tabs. The
    column `file` has paths in the folder of the images.

    Args:
        path: of the table, as the user gave it, or that of a file of the same name in the folder of the images.
        root: the folder of the images.

    Raises:
        UserError: the file is missing or no such table; the message names the line.
    """

    def __init__(self, path: str, root: Path) -> None:
        self.root = root
        self.option = f"data.labels={path}"
        given = Path(path).expanduser()
        lines = self._lines(given if given.exists() else root / given.name)
        if not lines:
            raise UserError(f"{self.option}: is empty; its first line names the columns: {FILE},{CLASS}")
        (_, header), *rows = lines
        header = [name.strip() for name in header]
        for name in header:
            if header.count(name) > 1:
                raise UserError(
                    f"{self.option}: has {header.count(name)} columns named {name or 'nothing'}; rename them"
                )
        if FILE not in header:
            raise UserError(
                f"{self.option}: has no column {FILE}, the path of an image in data.root; it has {', '.join(header)}"
            )
        self.columns = [name for name in header if name != FILE]
        self._rows: dict[str, tuple[int, dict[str, str]]] = {}  # by file, with the number of their line
        for number, cells in rows:
            self._add(number, header, [cell.strip() for cell in cells])

    def _lines(self, path: Path) -> list[tuple[int, list[str]]]:
        """The cells of lines that have any, with their numbers."""
        try:
            content = read_regular(path, LARGEST)
        except OSError as error:
            raise UserError(f"{self.option}: can't be read, {reason(error)}") from error
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            number = content[: error.start].count(b"\n") + 1
            raise UserError(f"{self.option}: line {number} is no UTF-8 text; save the table as CSV in UTF-8") from error
        header = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=header.count), strict=True)
        try:
            return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
        except csv.Error as error:
            raise UserError(f"{self.option}: line {reader.line_num} is no line of a table, {error}") from error

    def _add(self, number: int, header: Sequence[str], cells: Sequence[str]) -> None:
        if len(cells) != len(header):
            raise UserError(f"{self.option}: line {number} has {len(cells)} of {len(header)} cells")
        row = dict(zip(header, cells, strict=True))
        file = plain(row.pop(FILE))
        if not file:
            raise UserError(f"{self.option}: line {number} has nothing in the column {FILE}")
        known, _ = self._rows.setdefault(file, (number, row))
        if known != number:
            raise UserError(
                f"{self.option}: lines {known} and {number} are of the same file, {file}; remove one of them"
            )

    def cells(self, option: str, column: str, files: Iterable[Path]) -> list[str]:
        """The cells of a column for image files.

        Raises:
            UserError: there is no such column, no line for a file, or nothing in its cell.
        """
        if column not in self.columns:
            raise UserError(f"{option}: {self.option} has no column {column}. {nearest(column, self.columns)}")
        found, missing = [], []
        for path in files:
            number, row = self._rows.get(self._name(path), (0, {}))
            if not number:
                missing.append(self._name(path))
            elif not row[column]:
                raise UserError(f"{self.option}: line {number} has nothing in the column {column}")
            else:
                found.append(row[column])
        if missing:
            raise UserError(
                f"{self.option}: has no line for {_named(missing)} in data.root; add them, or remove the images"
            )
        return found

    def refuse_strangers(self, files: Iterable[Path]) -> None:
        """Refuse lines of files that are not among the images below the folder.

        Raises:
            UserError: naming some of them.
        """
        there = {self._name(path) for path in files}
        if strangers := [f"{name} (line {number})" for name, (number, _) in self._rows.items() if name not in there]:
            raise UserError(
                f"{self.option}: {_named(strangers)} can't be found among the images of data.root={self.root}"
            )

    def _name(self, path: Path) -> str:
        return plain(path.relative_to(self.root).as_posix())


def plain(path: str) -> str:
    """A path with slashes, without "./", its letters composed, as two systems may write it differently."""
    return unicodedata.normalize("NFC", path.replace("\\", "/").removeprefix("./"))


def _named(things: Sequence[str]) -> str:
    more = f" and {len(things) - NAMED:,} more" if len(things) > NAMED else ""
    return ", ".join(things[:NAMED]) + more
