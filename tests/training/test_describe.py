from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from gan_lab.callbacks.graceful_stop import Interrupted
from gan_lab.runs.run import Run
from gan_lab.training.describe import describe, main_choices, told_to_loggers, typed_values
from gan_lab.utils.loggers import Setup
from tests.conftest import TINY, composed


def begun(folder: Path, *overrides: str, choices: dict[str, object] | None = None) -> tuple[Run, DictConfig]:
    """A run with Hydra's notes of how it began, and its configuration."""
    run, config = Run(folder), composed(*overrides)
    run.save_config(config)
    OmegaConf.save(list(overrides), run.overrides_file)
    OmegaConf.save(
        {"hydra": {"runtime": {"choices": choices or {"model": "vanilla", "data": "mnist"}}}}, run.hydra_file
    )
    run.update_record(status="running")
    config.run_dir = str(folder)
    return run, config


def test_a_run_has_its_folders_name_its_choices_and_all_options(tmp_path: Path) -> None:
    overrides = (*TINY, "+model.network.discriminator.x=1", "seed=3", "callbacks.samples.rows=2", "logger=csv")
    run, config = begun(tmp_path / "2026_vanilla_mnist", *overrides)
    setup = describe(run, config)
    assert (setup.name, setup.group) == ("2026_vanilla_mnist", None)
    assert setup.choices == {
        "model": "vanilla",
        "data": "mnist",
        "seed": 3,
        "data.batch_size": 128,
        "data.image_size": 8,
        "model.latent_dim": 4,
        "model.network.discriminator.x": 1,
    }, "numbers and texts that say what was trained"
    assert setup.options["model"]["network"]["generator"]["hidden"] == [8]
    assert not {"resume", "run_dir", "sweep"} & setup.options.keys()


def test_a_job_of_a_sweep_is_named_by_what_differs(tmp_path: Path) -> None:
    run, config = begun(tmp_path / "rates" / "7", *TINY, "seed=2")
    assert describe(run, config).name == "7", "no sweep"
    (tmp_path / "rates" / "sweep.json").write_text("{}")
    setup = describe(run, config)
    assert setup.group == "rates"
    assert setup.name == "rates/7 model=vanilla data.image_size=8 model.latent_dim=4 seed=2"
    named, config = begun(tmp_path / "rates" / "7_seed=2", *TINY, "seed=2")
    assert (describe(named, config).name, describe(named, config).group) == ("7_seed=2", "rates")


def test_values_are_those_of_now_and_choices_those_that_were_made(tmp_path: Path) -> None:
    typed = {"model": "vanilla", "model/network": "mlp", "hydra/launcher": "basic", "experiment": None}
    run, config = begun(tmp_path, *TINY, "model/network=mlp", "trainer.max_steps=6", choices=typed)
    config.trainer.max_steps = 8
    assert typed_values(run, config)["trainer.max_steps"] == 8
    assert typed_values(run, config)["model/network"] == "mlp"
    assert main_choices(run, config) == {
        "model": "vanilla",
        "model/network": "mlp",
        "data": "MNIST",
        "seed": 1,
        "data.batch_size": 128,
    }


def test_a_run_without_hydras_notes_has_its_classes(tmp_path: Path) -> None:
    run, config = begun(tmp_path, *TINY)
    run.overrides_file.unlink()
    run.hydra_file.unlink()
    assert describe(run, config).choices == {"model": "VanillaGAN", "data": "MNIST", "seed": 1, "data.batch_size": 128}


class Elsewhere:
    name = "elsewhere"

    def __init__(self) -> None:
        self.notes: list[object] = []

    def begin(self, setup: Setup, run_id: str | None) -> str | None:
        self.notes.append(run_id)
        return "abc"

    def end(self, status: str) -> None:
        self.notes.append(status)


@pytest.mark.parametrize(
    ("error", "status"), [(None, "finished"), (Interrupted(2), "interrupted"), (RuntimeError("x"), "failed")]
)
def test_the_record_keeps_the_ids_and_loggers_hear_of_the_end(
    error: BaseException | None, status: str, tmp_path: Path
) -> None:
    run, config = begun(tmp_path, *TINY)
    logger = Elsewhere()
    parts: Any = SimpleNamespace(run=run, config=config, trainer=SimpleNamespace(loggers=[logger]))
    for known in (None, "abc"):
        logger.notes = []
        with pytest.raises(type(error)) if error else nullcontext(), told_to_loggers(parts):
            assert run.record()["run_ids"] == {"elsewhere": "abc"}
            if error is not None:
                raise error
        assert logger.notes == [known, status]
