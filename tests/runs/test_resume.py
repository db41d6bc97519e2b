"""What a resumed run keeps, and what may change."""

import inspect
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import open_dict

from gan_lab.config.facts import _stated
from gan_lab.runs.resume import change, differences, what_breaks
from gan_lab.runs.run import Run
from gan_lab.training.trainer import Trainer
from gan_lab.utils.types import HARMLESS
from tests.conftest import QUICK, Command, composed, last_weights, same, start


@pytest.fixture(scope="module")
def one_batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one batch, to be copied."""
    place = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert start(*QUICK, "trainer.max_steps=1") is None
    return place / "run"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "data.batch_size=64",
            "data.batch_size=64: the resumed run would end with other results than the uninterrupted one",
        ),
        ("++model.network.generator.hidden=[9]", "(different weights or losses)"),
        ("model.network.generator.hidden=[9]", "To change an option of the saved run, type ++model.network."),
        ("model.n_critic=2", "add resume_mode=continue"),
        ("seed=2", "(different noise and order of images)"),
        ("trainer.precision=bf16-mixed", "(different rounding)"),
        ("trainer.devices=2", "(different noise and order of summation)"),
        ("trainer.accelerator=gpu", "(different order of summation)"),
        ("model=dcgan", "model=dcgan: a resumed run keeps its groups"),
        ("trainer=gpu", "trainer=gpu: a resumed run keeps its groups"),
        ("model/penalty=r1", "model/penalty=r1: a resumed run keeps its groups"),
        ("model._target_=gan_lab.models.wgan.WGAN", "a resumed run keeps its groups"),
        ("trainer.max_step=9", "trainer.max_step: no such option. Did you mean max_steps"),
        ("+trainer.nothing.at_all=9", "the run has no such option"),
        ("trainer.max_steps=x", "trainer.max_steps=x: must be -1 or a valid integer"),
        ("resume_mode=exakt", "resume_mode=exakt: must be 'exact' or 'continue'"),
        ("init_from=run", "init_from=run: a resumed run keeps its groups"),
    ],
)
def test_an_exact_resume_refuses_what_it_can_not_be_exact_with(
    override: str, message: str, command: Command, one_batch: Path
) -> None:
    shutil.copytree(one_batch, "run")
    before = Run("run").record(), sorted(Path("run").rglob("*"))
    found = str(command("resume=run", override))
    assert message in found
    assert "\n" not in found
    assert (Run("run").record(), sorted(Path("run").rglob("*"))) == before


@pytest.mark.parametrize(
    "name",
    ["trainer.max_steps", "trainer.log_every_n_steps", "logger.csv", "callbacks.samples.rows", "callbacks.health"],
)
def test_what_only_watches_may_change(name: str) -> None:
    assert what_breaks(composed(), name) is None


@pytest.mark.parametrize("option", ["max_steps", "max_epochs", "limit_train_batches"])
def test_learning_rates_that_fall_until_the_end_keep_it(option: str) -> None:
    assert what_breaks(composed("model/schedule=linear"), f"trainer.{option}") is not None
    assert what_breaks(composed(), f"trainer.{option}") is None


@pytest.mark.parametrize("option", ["max_steps", "max_epochs", "limit_train_batches"])
def test_numbers_that_follow_images_seen_know_no_end(option: str) -> None:
    assert what_breaks(composed("model/schedule=ema_ramp_up"), f"trainer.{option}") is None
    assert what_breaks(composed("experiment=r3gan_cifar10", "data.root=images"), f"trainer.{option}") is None
    falling = "+model.schedule.gamma={_target_: gan_lab.schedules.Cosine}"
    assert what_breaks(composed("model=r3gan", falling), f"trainer.{option}") is not None
    of_ones_own = "+model.schedule.gamma={_target_: somebody.Schedule}"  # may look at the end
    assert what_breaks(composed("model=r3gan", of_ones_own), f"trainer.{option}") is not None


def test_a_schedule_stays_as_it_is() -> None:
    assert what_breaks(composed("model/schedule=ema_ramp_up"), "model.schedule.ema_half_life.images") is not None


# Every option of the trainer that is called harmless, and another value; that of CUDA is tested on CUDA.
HARMLESS_OPTIONS = {
    "log_every_n_steps": "1",
    "detect_anomaly": "true",
    "enable_checkpointing": "true",
    "enable_progress_bar": "true",
    "enable_model_summary": "true",
    "profiler": "simple",
    "cuda_graphs": "false",
}


@pytest.mark.bits
def test_what_is_called_harmless_is(command: Command) -> None:
    stated = {name: parameter.annotation for name, parameter in inspect.signature(Trainer).parameters.items()}
    assert HARMLESS_OPTIONS.keys() == {name for name, kind in stated.items() if HARMLESS in _stated(kind)}
    unset = [f"++trainer.{name}=null" for name in ("enable_checkpointing", "enable_model_summary")]
    begun = [*QUICK, *unset, "++trainer.detect_anomaly=false"]
    assert command(*begun, "hydra.run.dir=whole") is None
    assert command(*begun, "trainer.max_steps=3") is None
    changes = [f"++trainer.{name}={value}" for name, value in HARMLESS_OPTIONS.items()]
    assert command("resume=run", "trainer.max_steps=6", *changes) is None
    assert same(last_weights("run"), last_weights("whole"))


def test_a_run_from_before_an_option_existed_takes_the_value_of_today(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=3") is None
    saved = Run("run").config()
    del saved.callbacks.health.unlike_distance, saved.callbacks.samples.seed, saved.trainer.profiler
    Run("run").save_config(saved)
    assert command("resume=run", "trainer.max_steps=6") is None
    config = Run("run").config()
    assert (config.callbacks.health.unlike_distance, config.callbacks.samples.seed) == (0.3, config.seed)


def test_an_option_that_decides_the_bits_has_no_value_of_today(command: Command, one_batch: Path) -> None:
    shutil.copytree(one_batch, "run")
    saved = Run("run").config()
    del saved.trainer.precision, saved.model.n_critic
    Run("run").save_config(saved)
    message = str(command("resume=run", "trainer.max_steps=6"))
    assert "model.n_critic: this value is missing" in message
    assert "trainer.precision: this value is missing" in message


def test_a_callback_of_others_may_do_anything() -> None:
    config = composed(
        "+callbacks.other={_target_: lightning.pytorch.callbacks.StochasticWeightAveraging, swa_lrs: 0.1}"
    )
    assert what_breaks(config, "callbacks.other.swa_lrs") == "this callback may change the training"


def test_what_follows_from_a_change_is_found_too() -> None:
    before, after = composed(), composed()
    change(after, "model.optimizer.generator.lr=0.5", exact=False)
    rates = [before.model.optimizer.generator.lr, 0.5]
    assert differences(before, after) == {
        f"model.optimizer.{player}.lr": rates for player in ("discriminator", "generator")
    }


def test_to_continue_takes_changes_and_records_them(command: Command) -> None:
    assert command(*QUICK) is None
    changes = ("data.batch_size=64", "model.optimizer.generator.lr=0.125", "trainer.max_steps=8")
    assert command("resume=run", "resume_mode=continue", *changes) is None
    record = Run("run").record()
    assert (record["batches"], record["images_seen"]) == (8, 6 * 128 + 2 * 64)
    (resumed,) = record["resumed"]
    assert (resumed["batch"], resumed["mode"]) == (6, "continue")
    assert resumed["changed"]["data.batch_size"] == [128, 64]
    assert resumed["changed"]["trainer.max_steps"] == [6, 8]
    assert resumed["at"] > record["started"][:10]
    for optimizer in Run("run").load_checkpoint()["optimizer_states"]:
        (group,) = optimizer["param_groups"]
        assert (group["lr"], group["initial_lr"]) == (0.125, 0.125)
    assert Run("run").config().data.batch_size == 64
    assert command("resume=run", "trainer.max_steps=9") is None, "and from then on it is a run like any other"
    assert [part["mode"] for part in Run("run").record()["resumed"]] == ["continue", "exact"]


def test_to_continue_does_not_make_weights_fit(command: Command) -> None:
    assert command(*QUICK) is None
    before = Run("run").record()
    message = str(
        command("resume=run", "resume_mode=continue", "++model.network.generator.hidden=[9]", "trainer.max_steps=8")
    )
    assert "run/checkpoints/last.ckpt does not fit the run's configuration: generator." in message
    assert "init_from= starts a new run" in message
    assert "\n" not in message
    assert Run("run").record() == before


def test_an_exact_resume_is_recorded_with_what_it_changed(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=2") is None
    assert command("resume=run", "trainer.max_steps=3", "callbacks.samples.rows=2") is None
    (resumed,) = Run("run").record()["resumed"]
    assert resumed["changed"] == {"callbacks.samples.rows": [5, 2], "trainer.max_steps": [2, 3]}


def weights_of(folder: str) -> dict[str, torch.Tensor]:
    return {name: value for name, value in last_weights(folder).items() if not name.startswith("generator_ema.")}


@pytest.mark.bits
def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gan_lab.callbacks.sample_grid import SampleGrid

    def killed(*_: Any) -> None:
        raise SystemExit(9)

    with monkeypatch.context() as patched:
        patched.setattr(SampleGrid, "on_train_start", killed)
        assert command(*QUICK, "hydra.run.dir=killed") == 9
    assert not Run("killed").has_checkpoint
    assert command("resume=killed") is None
    assert command(*QUICK) is None
    assert same(weights_of("killed"), weights_of("run"))
    assert Run("killed").record()["resumed"][0]["batch"] == 0


def test_tags_and_notes_may_change_also_where_the_run_began_before_there_were_any() -> None:
    for name in ("tags", "notes"):
        for has_it in (True, False):
            config = composed()
            if not has_it:
                with open_dict(config):
                    del config[name]
            change(config, f"{name}=[a]" if name == "tags" else "notes=why", exact=True)
            assert config[name] == (["a"] if name == "tags" else "why")
