"""`python -m benchmarks.results SWEEP_FOLDER`: puts the sweep's table into docs/results.md, between its two marks."""

import sys
import tempfile
from pathlib import Path

from gan_lab import cli

PAGE = Path(__file__).parent.parent / "docs" / "results.md"
BEGIN, END = "<!-- gan-lab compare: begin -->\n", "<!-- gan-lab compare: end -->\n"
COLUMNS = "fid,kid,precision,recall,coverage,class_accuracy"


def replaced(page: str, table: str) -> str:
    """The page with another table between the marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{table}{END}{after}"


def main() -> None:
    """Compare the runs, and write."""
    (folder,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        table = Path(place) / "table.md"
        cli.main(["compare", folder, "--columns", COLUMNS, "--out", str(table)])
        PAGE.write_text(replaced(PAGE.read_text(), table.read_text()))


if __name__ == "__main__":
    main()
