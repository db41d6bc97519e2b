"""Names of 0.1: whoever uses one gets one line that says the name of today."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from gan_lab.cli import main
from gan_lab.config import saved_config
from gan_lab.config.allowed import resolve
from gan_lab.config.facts import plain
from gan_lab.config.renamed import CLASSES, OPTIONS, new_name_of, old_classes, old_options
from gan_lab.config.schema import check
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.conftest import REPOSITORY, Command, composed

OLD = Path(__file__).with_name("config_0_1.yaml")  # a conditional GAN's, as 0.1 composed it


def old_values() -> Any:
    return OmegaConf.to_container(OmegaConf.load(OLD))


def holds(config: DictConfig, option: str) -> bool:
    parent, _, key = option.rpartition(".")
    node = OmegaConf.select(config, parent)
    return node is not None and key in node


def test_the_new_names_exist_and_the_old_ones_do_not() -> None:
    config = composed("model=cgan", "data=image_folder", "data.root=images")
    for old, new in OPTIONS.items():
        assert not holds(config, old), old
        assert holds(config, new), new
    for old, new in CLASSES.items():
        assert resolve(new, "x").__name__ == new.rpartition(".")[2]
        with pytest.raises(UserError, match=f"model._target_: {old} is now called {new}$"):
            resolve(old, "model._target_")


def test_the_changelog_lists_every_name() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in {*OPTIONS, *OPTIONS.values(), *CLASSES, *CLASSES.values()}:
        assert f"`{name}`" in text or f"`{name.rpartition('.')[2]}`" in text, name


def test_a_real_configuration_of_0_1_holds_every_old_name_that_a_conditional_gan_has() -> None:
    values = old_values()
    assert set(OPTIONS) - set(old_options(values)) == {"data.test_share"}
    extractors = {"gan_lab.metrics.digits.Digits", "gan_lab.metrics.stacked.Stacked"}
    assert set(CLASSES) - set(old_classes(values)) == extractors


def test_an_old_runs_folder_is_one_line_whatever_one_does_with_it(command: Command, tmp_path: Path) -> None:
    run = Run(tmp_path / "old")
    run.config_file.parent.mkdir(parents=True)
    run.config_file.write_text(OLD.read_text())
    run.update_record(status="finished", batches=9, images_seen=9)
    with pytest.raises(UserError) as refused:
        saved_config.read(run.config_file)
    more = len(old_options(old_values())) + len(old_classes(old_values())) - 1
    assert str(refused.value) == (
        f"{run.config_file}: is of an older version: data.classes is now called data.num_classes, and {more} more of "
        "its names have changed; CHANGELOG.md lists them"
    )
    assert command("resume=old") == f"Error: {refused.value}".replace(str(tmp_path) + "/", "")
    for arguments in (["sample", str(run.folder)], ["evaluate", str(run.folder)]):
        with pytest.raises(SystemExit, match="data.classes is now called data.num_classes"):
            main(arguments)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("data.classes=5", "data.classes is now called data.num_classes"),
        ("+data.held_out=5", "data.held_out is now called data.validation_count"),
        ("callbacks.quality=null", "callbacks.quality is now called callbacks.scores"),
        ("++callbacks.quality=null", "callbacks.quality is now called callbacks.scores"),
        ("~callbacks.ending", "callbacks.ending is now called callbacks.graceful_stop"),
        ("callbacks.quality.count=5", "callbacks.quality is now called callbacks.scores"),
        ("+callbacks.quality.count=5", "callbacks.quality is now called callbacks.scores"),
        ("callbacks.health.sure=0.9", "callbacks.health.sure is now called callbacks.health.imbalance_accuracy"),
        ("model._target_=gan_lab.trainer.Trainer", "gan_lab.trainer.Trainer is now called gan_lab.training.trainer"),
    ],
)
def test_an_old_name_that_is_typed_is_one_line_with_the_new_one(typed: str, message: str, command: Command) -> None:
    ending = str(command(typed))
    assert message in ending
    assert "\n" not in ending


def test_a_callback_of_ones_own_may_have_an_old_name() -> None:
    config = composed("+callbacks.ending={_target_: lightning.pytorch.callbacks.Timer}")
    check(config)
    assert old_options(plain(config)) == []


def test_an_option_keeps_its_name_inside_a_renamed_part() -> None:
    assert new_name_of("callbacks.quality.count") == "callbacks.quality.count is now called callbacks.scores.count"
    assert new_name_of("callbacks.qualities") is None
    assert new_name_of("data.num_classes") is None
