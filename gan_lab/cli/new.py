"""`gan-lab new`: begin a project of one's own."""

import argparse
import keyword
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gan_lab.utils.errors import UserError
from gan_lab.utils.shell import argument
from gan_lab.utils.terminal import say

NAME = "own_project"  # of the project that is copied, wherever it is written in it
BELONGS = ("README.md", "pyproject.toml", f"{NAME}/**/*.py", "conf/**/*.yaml", "tests/**/*.py")  # to the project
FOLDERS = ("conf", "tests", "logs", "data")  # that a project has, or gets when it trains


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "new",
        help="begin a project with a variant, networks and a dataset of your own",
        description="Write a project to begin with: a package with a variant, networks and a dataset, the YAML files "
        "that name them, and tests. Its README.md says how to train it.",
    )
    parser.add_argument("name", metavar="NAME", help="of the package and its folder: letters, digits and _")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Copy the example under another name.

    Raises:
        UserError: the name is taken or none for a package, or the folder can't be written.
    """
    from gan_lab.cli.outputs import replacing
    from gan_lab.config.home import example_project

    name = arguments.name
    folder = Path(name)
    if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name):
        raise UserError(f"{name}: no name for a Python package; take letters, digits and _, as in my_gan")
    if name in FOLDERS or (name.startswith("__") and name.endswith("__")):
        kind = "a folder in every project" if name in FOLDERS else "a name of Python's own"
        raise UserError(f"{name}: {kind}; choose another name")
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{name}: exists already; choose another name")
    if name in sys.stdlib_module_names or find_spec(name):
        raise UserError(f"{name}: a package of this name is installed already; choose another name")
    with replacing(folder, "new") as unfinished:
        for file in sorted(files_of(example_project())):
            target = unfinished / renamed(str(file.relative_to(example_project())), name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(renamed(file.read_text(encoding="utf-8"), name), encoding="utf-8")
    say(f"{folder.absolute()}: a project to begin with. Next:\n")
    say(f"    cd {argument(folder)}\n    pip install -e .\n    gan-lab train --config-dir conf experiment=mine")


def files_of(project: Path) -> list[Path]:
    """The files of a project, without what trainings, Python and installations leave beside them."""
    return [file for kind in BELONGS for file in project.glob(kind)]


def renamed(text: str, name: str) -> str:
    """A text or path of the example with another project's name."""
    return text.replace(NAME, name).replace(NAME.replace("_", "-"), name.replace("_", "-"))
