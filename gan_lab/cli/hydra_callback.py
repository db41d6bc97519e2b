"""Checks and preparations between composing a configuration and Hydra's first write to disk."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from gan_lab.config import own_code
from gan_lab.config.command_line import CONFIGURATION_ERRORS, explain
from gan_lab.distributed import slurm
from gan_lab.runs.resume import chooses_loggers, load_run_config
from gan_lab.runs.run import Run
from gan_lab.runs.run_lock import refuse_if_locked, refuse_if_read_only
from gan_lab.sweeps import folders, lifecycle, ray_workers
from gan_lab.sweeps.jobs import start_server
from gan_lab.utils import child_pythons, disk, memory
from gan_lab.utils.errors import UserError, fail
from gan_lab.utils.files import refuse_ways_out
from gan_lab.utils.run_layout import run_name
from gan_lab.utils.shell import override, quoted
from gan_lab.utils.signals import importing
from gan_lab.utils.terminal import say

if TYPE_CHECKING:  # torch and lightning take seconds to import
    from gan_lab.distributed.meeting import Meeting
    from gan_lab.training.build import Parts

folders.register()
own_code.register()  # every process that runs jobs imports this file, for the callback below

_parts: "list[Parts]" = []  # that a run's validation has built; at most one, handed over by `take_parts`


def take_parts() -> "Parts | None":
    """Hand over what the callback has built for this run; None where no callback was called."""
    return _parts.pop() if _parts else None


@contextmanager
def ending_the_program() -> Iterator[None]:
    """Have whatever goes wrong in a callback end the program: Hydra would warn of an exception and go on."""
    try:
        yield
    except CONFIGURATION_ERRORS as error:
        fail(explain(error))
    except OSError as error:
        fail(disk.in_words(error))
    except Exception as error:  # a defect keeps its traceback
        if short := memory.shortage(error):
            fail(short)
        traceback.print_exc()
        sys.exit(1)


class Preflight(Callback):
    """Refuses what can't work while nothing is on disk yet, and puts a resumed run's configuration in place."""

    @ending_the_program()
    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Validate one run in the folder that it will have, and keep what was built for `gan_lab.cli.train`."""
        if sys.stdout.isatty() and os.environ.get("RANK", "0") == "0":  # the imports alone take seconds
            say("Starting ...")
        with importing():
            from gan_lab.distributed import launcher
            from gan_lab.distributed.meeting import Meeting
            from gan_lab.training.train import train_parts  # noqa: F401 - of the main program's
            from gan_lab.training.validate import validate

        os.environ.update(child_pythons.environment())  # torch starts some to compile
        world = launcher.detect_launcher()
        first = world is None or world.rank == 0
        made: list[Path] = []
        _parts.clear()
        try:
            meeting = Meeting(world) if world else None
            with together(meeting, "begin"):
                own_code.trust(without_hydra(config))  # the user has typed it, or named its folder
                go_on_with_a_requeued_job(config)
                if config.resume is not None:
                    load_run_config(config)
                if world is not None:
                    join(config, world.here, world.num_nodes)
                if config.resume is not None and first:
                    refuse_if_locked(Run(str(config.resume)))
                elif first:
                    made = claim(config, "hydra.run.dir")
            if meeting is not None:
                follow(config, meeting)
            with together(meeting, "check"):
                _parts.append(validate(without_hydra(config), str(config.hydra.run.dir), made))
        except BaseException:
            remove_empty(made)
            raise

    @ending_the_program()
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check every job of a sweep whose jobs are known beforehand, before the first one starts."""
        with importing():
            from gan_lab.distributed import launcher
            from gan_lab.training.validate import validate  # noqa: F401 - of `check_job`

        if world := launcher.detect_launcher():
            if world.rank == 0:
                fail("a sweep starts the processes of its jobs itself: run it without torchrun or srun")
            sys.exit(1)
        os.environ.update(child_pythons.environment())  # the launchers of others start some
        if config.hydra.launcher._target_.endswith("BasicLauncher"):
            start_server()  # it has seconds of imports to do, meanwhile
        if ray_workers.are_used(config.hydra):
            ray_workers.keep_from_current_folder(config.hydra)
        jobs = jobs_of(config)
        for overrides in jobs or []:
            check_job(config, overrides)
        begin(config, jobs)

    @ending_the_program()
    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Say what became of the jobs."""
        lifecycle.end(Path(str(config.hydra.sweep.dir)))


def jobs_of(config: DictConfig) -> list[list[str]] | None:
    """The overrides of each job of a sweep; None where the sweeper decides as it goes."""
    if not config.hydra.sweeper._target_.endswith("BasicSweeper"):
        return None
    hydra = GlobalHydra.instance()  # knows the names of groups, for glob()
    sweep = OverridesParser.create(hydra.config_loader() if hydra.hydra else None).parse_overrides(
        [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
        + [str(override) for override in config.hydra.overrides.task]
    )
    return BasicSweeper.split_arguments(sweep, None)[0]


def check_job(config: DictConfig, overrides: list[str]) -> None:
    """Refuse a sweep one of whose jobs can't work."""
    from gan_lab.training.validate import validate

    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    try:
        job = hydra.compose_config(config.hydra.job.config_name, overrides, run_mode=RunMode.RUN)
        own_code.trust(without_hydra(job))
        if job.resume is not None:
            raise UserError("resume continues one run; it can't be part of a sweep")
        if job.run is not None:
            raise UserError("run names a single run: name a sweep by its folder, sweep.dir=logs/sweeps/NAME")
        validate(without_hydra(job), Path(str(config.hydra.sweep.dir), "job"))  # its own folder is chosen later
    except CONFIGURATION_ERRORS as error:
        fail(f"in the job {' '.join(overrides)}: {explain(error)}")


def begin(config: DictConfig, jobs: list[list[str]] | None) -> None:
    """Claim a sweep's folder, or go on with the sweep in it.

    Raises:
        UserError: it is another sweep's, or the same is at work at this moment; or something in it leads out of it.
    """
    HydraConfig.instance().set_config(config)
    asked = [str(override) for override in config.hydra.overrides.task]
    sweep = Path(str(config.hydra.sweep.dir))
    refuse_ways_out(sweep)
    plan, notice = folders.join(sweep, folders.Plan.new(asked, jobs))
    claim(config, "hydra.sweep.dir")
    sweep = Path(str(config.hydra.sweep.dir))
    for_jobs = sweep.absolute() if ray_workers.are_used(config.hydra) else sweep  # Ray's begin in another folder
    with read_write(config.hydra):
        config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted(for_jobs)}")  # they compose their own
    lifecycle.begin(sweep, plan)
    if notice:
        say(notice)


def go_on_with_a_requeued_job(config: DictConfig) -> None:
    """Have a job that SLURM runs again resume the run that it began, with the same command."""
    if config.resume is not None or not slurm.has_been_started_again():
        return
    HydraConfig.instance().set_config(config)
    begun = slurm.begun_by_this_job(Path(str(config.hydra.run.dir)).parent)
    if begun is not None:
        say(f"SLURM has started this job again: going on with {begun}")
        with read_write(config), read_write(config.hydra):
            config.resume = str(begun)
            # They are part of the run's configuration, but for loggers that reach servers: these are chosen each time.
            parser, typed = OverridesParser.create(), list(config.hydra.overrides.task)
            loggers = [line for line in typed if chooses_loggers(parser.parse_override(line))]
            config.hydra.overrides.task = loggers


def join(config: DictConfig, devices: int, num_nodes: int) -> None:
    """Take the number of processes from those that were started from outside.

    Raises:
        UserError: the configuration says another number.
    """
    for option, started, unset in (("devices", devices, "auto"), ("num_nodes", num_nodes, 1)):
        value = config.trainer[option]
        if value not in (unset, started):
            raise UserError(f"trainer.{option}={value}: torchrun or srun has started {started}; leave it out")
        with read_write(config), open_dict(config):
            config.trainer[option] = started


@contextmanager
def together(meeting: "Meeting | None", topic: str) -> Iterator[None]:
    """Have all processes go on after what is checked here, or none; one alone refuses as usual."""
    problem = ""
    try:
        yield
    except CONFIGURATION_ERRORS as error:
        if meeting is None:
            raise
        problem = explain(error)
    if meeting is not None:
        meeting.agree(topic, problem)


def follow(config: DictConfig, meeting: "Meeting") -> None:
    """Follow the first process into its run folder, where Hydra writes and logs for that one alone."""
    first = meeting.world.rank == 0
    folder, *_ = meeting.exchange("folder", str(config.hydra.run.dir) if first else "")
    if first:
        return
    with read_write(config), open_dict(config.hydra):
        config.hydra.run.dir = folder
        config.hydra.output_subdir = None
        config.hydra.job_logging = {"version": 1, "root": {"level": "ERROR"}, "disable_existing_loggers": False}


def claim(config: DictConfig, option: str) -> list[Path]:
    """Make the folder that Hydra will write to, for this program alone.

    A name that Hydra made from the time gets a number where another program had the same idea in the same second; one
    that the user chose is taken as it is, unless a run lies there.

    Returns:
        The folders that were not there before, the innermost first.

    Raises:
        UserError: the folder holds a run or a link that leads out of it, or can't be made.
    """
    HydraConfig.instance().set_config(config)
    if option == "hydra.run.dir":
        refuse_name(config)
    wanted = Path(str(OmegaConf.select(config, option)))
    typed: Any = OmegaConf.to_container(config.hydra.overrides)  # not resolved: what refers to nothing is told later
    overrides = [*typed["hydra"], *typed["task"]]
    chosen = any(override.startswith((f"{option}=", f"{option.removeprefix('hydra.')}=")) for override in overrides)
    if chosen and Run(wanted).record_file.exists():
        raise UserError(
            f"{option}={wanted}: holds a run already. Resume it with {override('resume', wanted)}, or choose another "
            "folder"
        )
    if chosen:
        refuse_ways_out(wanted)
    folder, number = wanted, 1
    while True:
        made = [place for place in (folder, *folder.parents) if not place.exists()]
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
    try:
        refuse_if_read_only(folder)
    except UserError:
        remove_empty(made)
        raise
    with read_write(config.hydra):
        OmegaConf.select(config, option.rpartition(".")[0]).dir = str(folder)
    return made


def refuse_name(config: DictConfig) -> None:
    """Refuse a name for a run that is none, or that another run has.

    Raises:
        UserError: naming the option.
    """
    if config.run is None:
        return
    try:
        run_name(str(config.run))
    except ValueError as error:
        raise UserError(f"run={config.run}: must be {error}") from error
    wanted = Path(str(config.hydra.run.dir))
    if wanted.name == str(config.run) and wanted.exists():
        raise UserError(
            f"run={config.run}: {wanted} exists already. Resume that run with {override('resume', config.run)}, or "
            "choose another name"
        )


def remove_empty(folders: list[Path]) -> None:
    """Remove folders that others may have come to use."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def without_hydra(config: DictConfig) -> DictConfig:
    """The configuration that the program sees."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
