"""The sweeps in conf/sweep: what they are made of fits together."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from gan_lab.cli.hydra_callback import jobs_of, without_hydra
from tests.conftest import CONF


def chosen(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(overrides), return_hydra_config=True)


@pytest.mark.parametrize(("sweep", "count", "recipes"), [("variants", 18, 6), ("rate_and_batch", 12, 1)])
def test_a_sweep_is_of_recipes_that_there_are(sweep: str, count: int, recipes: int) -> None:
    jobs = jobs_of(chosen(f"sweep={sweep}"))
    assert jobs is not None
    assert len({tuple(job) for job in jobs}) == count
    used = {override for job in jobs for override in job if override.startswith("experiment=")}
    assert len(used) == recipes
    for recipe in used:
        without_hydra(chosen(recipe))
    for override in jobs[-1]:
        chosen(jobs[-1][0], override)


def test_optuna_is_given_a_space_that_the_recipe_has() -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="the extra sweep is not installed")
    from hydra_plugins.hydra_optuna_sweeper._impl import create_params_from_overrides

    config = chosen("sweep=dcgan_optuna")
    assert jobs_of(config) is None
    assert config.hydra.sweeper.sampler.seed is not None
    space, fixed = create_params_from_overrides(
        [f"{key}={value}" for key, value in config.hydra.sweeper.params.items()]
    )
    assert set(space) == {
        "model.optimizer.generator.lr",
        "model.optimizer.discriminator.lr",
        "data.batch_size",
    }
    run = chosen(*(f"{key}={value}" for key, value in fixed.items()), *(f"{key}=1" for key in space))
    assert (run.data.batch_size, run.model.optimizer.discriminator.lr) == (1, 1)
