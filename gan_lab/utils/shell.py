"""Command lines that are printed so that they can be pasted."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

PLAIN = re.compile(r"[\w./\\:+%-]+( +[\w./\\:+%-]+)*", re.ASCII)  # what Hydra takes as a text without quotes


def argument(path: str | Path) -> str:
    """A path as an argument in a shell."""
    return shlex.quote(str(path))


DISTRIBUTION = "gan-lab-lightning"  # PyPI's gan-lab is another project


def install(extra: str) -> str:
    """The command that adds what an optional part needs, to a checkout as well as to an installed package."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def program() -> str:
    """The command that trains, as it was typed: train.py of a checkout, or gan-lab."""
    typed = Path(sys.argv[0])
    return f"python {argument(typed)}" if typed.name == "train.py" else "gan-lab train"


def override(name: str, value: str | Path | Sequence[str]) -> str:
    """An option of a training set to a path, a text or a list of texts, as an argument in a shell."""
    text = _plain(value) if isinstance(value, (str, Path)) else f"[{','.join(map(_plain, value))}]"
    return shlex.quote(f"{name}={text}")


def _plain(value: str | Path) -> str:
    return str(value) if PLAIN.fullmatch(str(value)) else quoted(value)


def chosen(group: str, choices: Sequence[str]) -> str:
    """The choice of one or several of a group, as an argument in a shell."""
    return shlex.quote(f"{group}={choices[0]}" if len(choices) == 1 else f"{group}=[{','.join(choices)}]")


def quoted(value: str | Path) -> str:
    """A text as Hydra reads it whatever it holds; backslashes are signs of their own, but before a quote."""
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', str(value))
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'
