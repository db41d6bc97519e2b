"""What happens between composing a configuration and Hydra's first write to disk."""

import sys
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from gan_lab import slurm
from gan_lab.errors import CONFIGURATION_ERRORS, UserError, explain, fail
from gan_lab.locks import hold
from gan_lab.resuming import take_up


class Preflight(Callback):
    """Refuses what can't work while nothing is on disk yet, and puts a resumed run's configuration in place.

    Hydra turns the exceptions of a callback into warnings, so these end the program themselves.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check one run."""
        from gan_lab import launch
        from gan_lab.experiment import check

        crew = launch.outer()
        first = crew is None or crew.rank == 0
        try:
            go_on_with_a_requeued_job(config)
            if config.resume is not None:
                take_up(config)
            if crew is not None:
                join(config, crew.here, crew.num_nodes)
            check(without_hydra(config))
            if config.resume is None and first:
                claim(config, "hydra.run.dir")
            if first:
                hold(Path(str(config.hydra.run.dir)))
        except CONFIGURATION_ERRORS as error:
            if not first:
                sys.exit(1)  # the first finds the same and says it for all
            fail(explain(error))
        if crew is not None:
            meet(config, first)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check every job of a sweep whose jobs are known beforehand, before the first one starts."""
        from gan_lab import launch
        from gan_lab.experiment import check

        if crew := launch.outer():
            if crew.rank == 0:
                fail("a sweep starts the processes of its jobs itself: run it without torchrun or srun")
            sys.exit(1)
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        if not config.hydra.sweeper._target_.endswith("BasicSweeper"):
            return
        sweep = OverridesParser.create().parse_overrides(
            [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
            + [str(override) for override in config.hydra.overrides.task]
        )
        for overrides in BasicSweeper.split_arguments(sweep, None)[0]:
            try:
                job = hydra.compose_config(config.hydra.job.config_name, overrides, run_mode=RunMode.RUN)
                if job.resume is not None:
                    raise UserError("resume continues one run; it can't be part of a sweep")
                check(without_hydra(job))
            except CONFIGURATION_ERRORS as error:
                fail(f"in the job {' '.join(overrides)}: {explain(error)}")
        try:
            claim(config, "hydra.sweep.dir")
        except UserError as error:
            fail(str(error))


def go_on_with_a_requeued_job(config: DictConfig) -> None:
    """A job that SLURM runs again resumes the run that it began, with the same command."""
    if config.resume is not None or not slurm.has_been_started_again():
        return
    HydraConfig.instance().set_config(config)
    begun = slurm.begun_by_this_job(Path(str(config.hydra.run.dir)).parent)
    if begun is not None:
        print(f"SLURM has started this job again: going on with {begun}")
        with read_write(config), read_write(config.hydra):
            config.resume = str(begun)
            config.hydra.overrides.task = []  # they are part of the run's configuration


def join(config: DictConfig, devices: int, num_nodes: int) -> None:
    """Take the number of processes from those that were started from outside.

    Raises:
        UserError: the configuration says another number.
    """
    for option, started, unset in (("devices", devices, "auto"), ("num_nodes", num_nodes, 1)):
        said = config.trainer[option]
        if said not in (unset, started):
            raise UserError(f"trainer.{option}={said}: torchrun or srun has started {started}; leave it out")
        with read_write(config), open_dict(config):
            config.trainer[option] = started


def meet(config: DictConfig, first: bool) -> None:
    """Follow the first process into its run folder, where Hydra writes and logs for that one alone."""
    from gan_lab import launch

    try:
        folder = launch.told_by_first(str(config.hydra.run.dir) if first else "")
    except UserError as error:
        fail(str(error))
    if first:
        return
    with read_write(config), open_dict(config.hydra):
        config.hydra.run.dir = folder
        config.hydra.output_subdir = None
        config.hydra.job_logging = {"version": 1, "root": {"level": "ERROR"}, "disable_existing_loggers": False}


def claim(config: DictConfig, option: str) -> None:
    """Make the folder that Hydra will write to, for this program alone.

    A name that Hydra made from the time gets a number where another program had the same idea in the same second; one
    that the user chose is taken as it is, unless a run lies there.

    Raises:
        UserError: the folder holds a run, or can't be made.
    """
    HydraConfig.instance().set_config(config)
    wanted = Path(str(OmegaConf.select(config, option)))
    chosen = any(override.startswith(f"{option}=") for override in config.hydra.overrides.hydra)
    if chosen and (wanted / "run.json").exists():
        raise UserError(f"{option}={wanted}: there is a run already. Go on with it, resume={wanted}, or choose another")
    folder, number = wanted, 1
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=chosen)
            break
        except FileExistsError as error:
            if chosen:
                raise UserError(f"{option}={wanted}: is not a folder") from error
            number += 1
            folder = wanted.with_name(f"{wanted.name}_{number}")
        except OSError as error:
            raise UserError(f"{option}={wanted}: can't be made: {error.strerror}") from error
    with read_write(config.hydra):
        OmegaConf.select(config, option.rpartition(".")[0]).dir = str(folder)


def without_hydra(config: DictConfig) -> DictConfig:
    """The configuration that the program sees."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
