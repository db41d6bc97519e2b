"""Printed commands mean what they say once they are pasted."""

import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from gan_lab.utils.shell import argument, chosen, override, quoted

PATHS = [
    "logs/runs/2026-01-31_12-00-00_dcgan_mnist",
    "my runs/a  b",
    "it's",
    'a "b"',
    "a,b",
    "a=b(1)[2]",
    "é; rm",
    "~/x",
]
PATHS += ["a\\b", 'a\\"b', "a' \\", "$HOME", "C:\\runs\\"]


@pytest.mark.parametrize("path", PATHS)
def test_a_pasted_path_is_the_path(path: str) -> None:
    assert shlex.split(argument(Path(path))) == [str(Path(path))]
    (pasted,) = shlex.split(override("resume", path))
    for line in (pasted, f"resume={quoted(path)}"):
        read = OverridesParser.create().parse_override(line)
        assert (read.key_or_group, read.value()) == ("resume", path)


def test_what_needs_no_quotes_has_none() -> None:
    assert override("resume", PATHS[0]) == f"resume={PATHS[0]}"
    assert override("sweep.dir", "my runs/a") == "'sweep.dir=my runs/a'"
    assert argument("my runs/a") == "'my runs/a'"


def test_a_choice_of_several_is_a_list_that_shells_leave_alone() -> None:
    assert chosen("logger", ["csv"]) == "logger=csv"
    assert chosen("logger", ["csv", "wandb"]) == "'logger=[csv,wandb]'"
    (pasted,) = shlex.split(chosen("logger", ["csv", "wandb"]))
    assert OverridesParser.create().parse_override(pasted).value() == ["csv", "wandb"]
