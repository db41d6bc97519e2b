"""A configuration from a run folder: its own values, bounded."""

import os
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from gan_lab.config import saved_config
from gan_lab.utils.errors import UserError
from tests.conftest import composed


def saved(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("model", ["dcgan", "cgan", "cyclegan", "wgan_gp", "r3gan"])
def test_ours_come_back_as_they_were(model: str, tmp_path: Path) -> None:
    config = composed(f"model={model}", "trainer.max_epochs=3")
    found = saved_config.read(saved(tmp_path, saved_config.text(config)))
    assert OmegaConf.to_container(found) == OmegaConf.to_container(config)
    assert OmegaConf.to_container(found, resolve=True) == OmegaConf.to_container(config, resolve=True)


@pytest.mark.parametrize(
    "value",
    [
        "${oc.env:HOME}",
        "${oc.decode:'1'}",
        "${oc.create:{a:1}}",
        "${hydra:runtime.cwd}",
        "${now:%H}",
        "${ oc.env:HOME}",
        "x ${seed} ${oc.env:HOME}",
        "${add:1,${oc.env:HOME}}",
        "${${name}:HOME}",
        "${oc.${name}:HOME}",
        "${oc.select:a,${oc.env:HOME}}",
        "\\${oc.env:HOME}",
    ],
)
def test_values_refer_to_nothing_but_the_configuration(value: str, tmp_path: Path) -> None:
    config = OmegaConf.create({"name": "oc.env", "a": {"list": [1, value]}})
    with pytest.raises(UserError, match=r"a\.list\[1\]=.*may refer to its own values only"):
        saved_config.read(saved(tmp_path, OmegaConf.to_yaml(config)))
    with pytest.raises(UserError, match="may refer to its own values only"):
        saved_config.read(saved(tmp_path, OmegaConf.to_yaml({value: 1})))


def test_what_came_from_the_environment_is_saved_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "/somewhere")
    config = OmegaConf.create({"a": 1, "b": "${a}", "root": "${oc.env:PLACE}/x", "list": ["${oc.env:PLACE}", "${a}"]})
    found = saved_config.read(saved(tmp_path, saved_config.text(config)))
    assert OmegaConf.to_container(found) == {
        "a": 1,
        "b": "${a}",
        "root": "/somewhere/x",
        "list": ["/somewhere", "${a}"],
    }


LAUGHS = "a0: " + "ha" * 50 + "\n" + "".join(f"a{i + 1}: {f'${{a{i}}}' * 10}\n" for i in range(9))
DOUBLED = "".join(
    name + ": [" + ", ".join(["'${" + before + "}'"] * 9) + "]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [1, 2]\nb: *a\n", "it has YAML aliases"),
        ("a: [1", "expected ',' or ']', but got '<stream end>' in line 1"),
        ("- a", "is not a configuration"),
        ("", "is not a configuration"),
        ("a: !!python/object/apply:os.system [touch executed]", "could not determine a constructor"),
        ("a: " + "[" * 5000, "can't be read"),
        ("a: " + "x" * (1 << 20), "more than 128 kB"),
        (LAUGHS, "its references stand for more than 128 kB"),
        ("a: [x, x]\n" + DOUBLED, "its references stand for more than 128 kB"),
        ("a: ${b}\nb: ${a}\n", "its values refer to each other without end"),
        ("a: ${add:" + "1," * 1000 + "1}", "a: a value that refers to others has at most 1,024 characters"),
        ("b: [1]\na: ${oc.select:${b}}", "may refer to its own values only"),
        ("a: {1: x}", "a.1: a name must be a text, not int"),
        ("null: x", "Incompatible key type 'NoneType'"),
    ],
)
def test_what_is_no_configuration_of_ours_is_refused_in_a_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        saved_config.read(saved(tmp_path, text))
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "config.yaml"))
    assert "\n" not in str(refused.value)


def test_references_of_every_kind_are_counted_where_they_lead() -> None:
    values = {"a": {"b": "xx", "c": "${.b}", "d": ["${..b}", "${a.b}"]}, "e": "${a.d[0]}", "f": "${oc.select:a.b,1}"}
    one = 1 + len("xx")
    leaves = [one + 1 + len(text) for text in ("${.b}", "${..b}", "${a.b}", "${oc.select:a.b,1}")]
    assert saved_config.resolved_size({"b": "xx", "c": "${.b}"}) == 1 + one + leaves[0]
    assert saved_config.resolved_size(values) == (
        1 + 1 + one + leaves[0] + 1 + leaves[1] + leaves[2] + 1 + len("${a.d[0]}") + leaves[1] + leaves[3]
    )


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    with pytest.raises(UserError, match="can't be read: is not a regular file"):
        saved_config.read_yaml(tmp_path / "config.yaml")
