"""Errors of the command line; tests/cli/test_hydra_callback.py and tests/wrong_inputs have the whole commands."""

import argparse
import os

import pytest
from omegaconf import OmegaConf

from gan_lab.config.command_line import (
    explain,
    hint_at_form,
    paths_to,
    readable_errors,
    refuse_misleading,
    tracebacks_wanted,
    with_quotes,
)
from gan_lab.utils.errors import UserError
from tests.conftest import CONF


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("\N{EN DASH}m", "its dash is not a hyphen"),
        ("dcgan", "write model=dcgan"),
        ("seed = 1", "leave out the spaces around ="),
        ("seed=\N{LEFT DOUBLE QUOTATION MARK}1", "its quotation marks are not those of a program"),
        ("seed==1", "one = is enough"),
        ("se%ed=1", "names are made of letters"),
        ("a=b:c", "quote a value with special signs twice: 'a=\"b:c\"'"),
        ("a=[1", "quote what holds commas, brackets or quotes twice"),
    ],
)
def test_what_hydras_grammar_refuses_gets_a_hint(override: str, hint: str) -> None:
    assert hint in hint_at_form(override)


def test_an_option_is_found_in_whatever_part_it_lies() -> None:
    config = OmegaConf.create({"model": {"optimizer": {"lr": 1}, "none": None}, "lr": {"a": 1}})
    assert list(paths_to("lr", config)) == ["model.optimizer.lr", "lr"]
    assert list(paths_to("optimizer", config)) == ["model/optimizer"], "a group is chosen with a slash"


def test_an_error_that_nobody_knows_is_still_one_line() -> None:
    assert explain(ValueError("first\n  second\n\n")) == "first second"


def test_errors_of_users_end_with_a_message_and_defects_with_their_traceback() -> None:
    with pytest.raises(SystemExit) as ending, readable_errors():
        raise UserError("wrong")
    assert ending.value.code == "Error: wrong"
    with pytest.raises(SystemExit) as ending, readable_errors():
        raise KeyboardInterrupt
    assert ending.value.code == 130
    with pytest.raises(ZeroDivisionError), readable_errors():
        raise ZeroDivisionError


def test_flags_are_refused_in_one_line_and_argparse_is_itself_again() -> None:
    parser = argparse.ArgumentParser("program")
    before = argparse.ArgumentParser.error
    with pytest.raises(SystemExit) as ending, readable_errors():
        parser.parse_args(["--nothing"])
    assert ending.value.code == "Error: --nothing: no such flag (program --help)"
    assert argparse.ArgumentParser.error is before
    assert "HYDRA_FULL_ERROR" not in os.environ


def test_whoever_asks_for_tracebacks_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(UserError, match="wrong"), readable_errors():
        raise UserError("wrong")
    assert tracebacks_wanted()
    monkeypatch.delenv("HYDRA_FULL_ERROR")
    with readable_errors():
        assert not tracebacks_wanted(), "set for Hydra only"


def test_values_that_a_group_may_have_are_no_choices() -> None:
    for typed in (
        "model.objective={}",
        "model.penalty=null",
        "model.n_critic=2",
        "model.optimizer.generator.lr=1",
        "model/objective=hinge",
        "seed=1",
    ):
        refuse_misleading([typed], CONF)
    refuse_misleading(["model.objective=hinge", "resume=run"], CONF)  # refused there in other words
    with pytest.raises(UserError, match="model/objective=hinge$"):
        refuse_misleading(["++model.objective=hinge"], CONF)
    with pytest.raises(UserError, match=r"^model.optimizer.generator=adam: .*, model/optimizer=adam$"):
        refuse_misleading(["model.optimizer.generator=adam"], CONF)


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("resume=logs/sweeps/first/0_model=wgan,seed=1", 'resume="logs/sweeps/first/0_model=wgan,seed=1"'),
        ("init_from=a=b/checkpoints/best.ckpt", 'init_from="a=b/checkpoints/best.ckpt"'),
        ("resume='a=b'", "resume='a=b'"),
        ("resume=${x=y}", "resume=${x=y}"),
        ("resume=latest", "resume=latest"),
        ("notes=[why], and how", 'notes="[why], and how"'),
        ("notes=two words", "notes=two words"),
        ("notes=null", "notes=null"),
        ("notes=5", 'notes="5"'),
        ("run=1e3", 'run="1e3"'),
        ("run=true", 'run="true"'),
        ("run=null", "run=null"),
        ("run=wider", "run=wider"),
        ("tags=[1,wide]", 'tags=["1",wide]'),
        ("tags=[]", "tags=[]"),
        ('notes="a, b"', 'notes="a, b"'),
        ("init_from=a,b", "init_from=a,b"),
        ("seed=1=2", "seed=1=2"),
        ("resume", "resume"),
        ("resume=", "resume="),
    ],
)
def test_a_folder_with_an_equals_sign_gets_the_quotes_that_hydra_wants(typed: str, given: str) -> None:
    assert with_quotes(["-m", typed]) == ["-m", given]
