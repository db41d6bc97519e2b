"""The page errors.md, made from the table: `python -m tests.wrong_inputs`."""

from tests.conftest import REPOSITORY
from tests.wrong_inputs.table import TABLE

PAGE = REPOSITORY / "tests" / "wrong_inputs" / "errors.md"
HEAD = """# Error messages

Every wrong input ends in one message that names the mistake and what to do, with exit code 1 and without a new file.
`…` stands for text that differs between machines. `HYDRA_FULL_ERROR=1` in the environment shows the traceback as well.

`python -m tests.wrong_inputs` makes this page from `tests/wrong_inputs/table.py`. Each line is tested.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join([HEAD, *(section(title) for title in TABLE)])


def section(title: str) -> str:
    """A heading, and a block of commands with their messages."""
    lines = []
    for row in {(row.typed, row.said): row for row in TABLE[title]}.values():  # several causes may be told alike
        lines += [f"    $ {row.typed}", *(f"    {line}" for line in row.said.splitlines()), ""]
    return "\n".join([f"## {title}", "", *lines])
