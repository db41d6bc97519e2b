"""Whose code a configuration may name: what its user types or keeps, and nothing of a stranger's."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from gan_lab.config import allowed, own_code
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.own_key import KEEP
from tests.conftest import CONF, QUICK, Command

MINE = """
from gan_lab.models.vanilla import VanillaGAN
class Mine(VanillaGAN): pass
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package of the user's own with a model; its name is not used again."""
    name = f"mine{abs(hash(tmp_path))}"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / f"{name}.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return name


def forget() -> None:
    """Be another program."""
    own_code.TRUSTED.clear()
    own_code.TRUSTED.add("gan_lab")


def test_what_one_types_is_ones_own_and_so_is_the_run_that_it_makes(mine: str, command: Command) -> None:
    assert command(*QUICK, f"model._target_={mine}.Mine") is None
    forget()
    assert command("resume=run", "trainer.max_steps=8") is None
    forget()
    assert type(Run.open("run").load_model()).__name__ == "Mine"


def test_a_configuration_folder_that_one_names_is_ones_own(mine: str, command: Command) -> None:
    Path("conf/model").mkdir(parents=True)
    Path("conf/model/mine.yaml").write_text(f"defaults: [vanilla, _self_]\n_target_: {mine}.Mine\n")
    short = [option for option in QUICK if option != "model=vanilla"]
    assert command("--config-dir=conf", "model=mine", *short) is None
    assert Run.open("run").record()["status"] == "finished"


@pytest.mark.parametrize("touched", ["configuration", "seal", "key"])
def test_what_a_stranger_has_written_names_nothing(
    touched: str, mine: str, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert command(*QUICK, f"model._target_={mine}.Mine") is None
    forget()
    run = Run.open("run")
    if touched == "configuration":
        run.config_file.write_text(run.config_file.read_text() + "\n")
    elif touched == "seal":
        own_code.seal_of(run.config_file).write_text("0" * 64)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another user"))
    refused = f"_target_={mine}.Mine: not a class that a configuration may instantiate"
    assert refused in str(command("resume=run", "trainer.max_steps=8"))
    with pytest.raises(UserError, match=rf"GAN_LAB_ALLOW={mine} in the environment allows it. {KEEP}$"):
        run.load_model()


def test_a_mistyped_name_of_ones_own_says_what_may_be_wrong(mine: str, command: Command) -> None:
    expected = rf"Error: model._target_={mine}.Nine: no such class; is {mine} installed"
    assert str(command(*QUICK, f"model._target_={mine}.Nine")).startswith(expected)


def test_libraries_are_never_trusted_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    names = ["os.system", "torch.load", "lightning.pytorch.loggers.WandbLogger", "mine.Model"]
    own_code.trust(OmegaConf.create({"a": [{"_target_": name} for name in names]}))
    assert {"gan_lab", "mine"} == own_code.TRUSTED


def test_the_environment_adds_packages() -> None:
    assert own_code.allowed_by({"GAN_LAB_ALLOW": " torch.nn ,mine,"}) == {"torch.nn", "mine"}
    assert own_code.allowed_by({}) == set()


def declare(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_code, "declared", lambda: (EntryPoint(name, name, own_code.GROUP),))


def test_a_package_that_declares_itself_brings_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "extension/conf/model").mkdir(parents=True)
    (tmp_path / "extension/__init__.py").touch()
    (tmp_path / "extension/conf/model/extended.yaml").write_text("defaults: [vanilla, _self_]\nn_critic: 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    declare("extension", monkeypatch)
    own_code.register()
    assert own_code.OwnConfigurations in Plugins.instance().discover()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert compose("train", ["model=extended"]).model.n_critic == 7


def test_a_package_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    declare("gone_package", monkeypatch)
    own_code.register()
    assert str(command(*QUICK)).startswith(
        "Error: gone_package: an installed package declares this package for gan_lab"
    )


def test_a_class_of_the_wrong_kind_stays_refused(mine: str) -> None:
    own_code.trust(OmegaConf.create({"_target_": f"{mine}.Mine"}))
    assert allowed.resolve(f"{mine}.Mine", "model._target_").__name__ == "Mine"
    with pytest.raises(UserError, match="no such class"):
        allowed.resolve(f"{mine}.VanillaGAN.mro", "model._target_")
