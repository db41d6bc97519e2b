"""The description of a run for loggers that list runs side by side, and the run's time with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import DictConfig, OmegaConf

from gan_lab.callbacks.graceful_stop import Interrupted
from gan_lab.config.facts import facts_about, plain
from gan_lab.runs.run import Run
from gan_lab.training.build import Parts
from gan_lab.utils.loggers import Plain, Setup, begin_run, end_run
from gan_lab.utils.run_layout import SWEEP_RECORD
from gan_lab.utils.types import Fact

# Choices and values that every run has: the columns of a table of runs.
CHOICES = ("model", "data", "model/network", "model/objective", "model/penalty", "model/optimizer", "experiment")
VALUES = ("seed", "data.batch_size")
OF_THE_COMMAND = {"resume", "resume_mode", "run_dir", "run", "sweep", "init_from"}


@contextmanager
def told_to_loggers(parts: Parts) -> Iterator[Callable[[], None]]:
    """Tell the loggers of a run how it ends.

    This lies around the record of the run, so that the record is written first: a server may keep a logger waiting.

    Yields:
        What tells them that the run begins, under the ids that they have given it before.
    """
    run, trainer = parts.run, parts.trainer

    def begin() -> None:
        run_ids = begin_run(trainer, describe(run, parts.config), run.record().get("run_ids", {}))
        if run_ids:
            run.update_record(run_ids=run_ids)

    try:
        yield begin
    except BaseException as error:
        end_run(trainer, "interrupted" if isinstance(error, Interrupted) else "failed")
        raise
    end_run(trainer, "finished")


def describe(run: Run, config: DictConfig) -> Setup:
    """Describe a run by its folder, its choices and its options."""
    typed = typed_values(run, config)
    name, group = run.folder.name, None
    if (run.folder.parent / SWEEP_RECORD).is_file():
        group = run.folder.parent.name
        if name.isdecimal():  # of a sweep that began before names said what differs
            name = " ".join([f"{group}/{name}", *(f"{option}={value}" for option, value in typed.items())])
    options: Any = OmegaConf.to_container(config, resolve=True)
    options = {option: value for option, value in options.items() if option not in OF_THE_COMMAND}
    return Setup(name=name, group=group, choices=main_choices(run, config) | typed, options=options)


def main_choices(run: Run, config: DictConfig) -> dict[str, Plain]:
    """The choices and values that all runs have; of a run without Hydra's notes, the classes of model and data."""
    choices = run.choices()
    chosen: dict[str, Plain] = {name: choices[name] for name in CHOICES if choices.get(name, "None") != "None"}
    classes: dict[str, Plain] = {
        group: str(config[group]["_target_"]).rpartition(".")[2] for group in ("model", "data") if group not in chosen
    }
    values = {name: OmegaConf.select(config, name) for name in VALUES}
    return chosen | classes | {name: value for name, value in values.items() if isinstance(value, Plain)}


def typed_values(run: Run, config: DictConfig) -> dict[str, Plain]:
    """The options that the command line that began the run has set, with the values of now."""
    values, chosen = plain(config), run.choices()
    found: dict[str, Plain] = {}
    for override in run.overrides() or []:
        name = override.lstrip("+~").partition("=")[0]
        if name.partition(".")[0] in ("hydra", "debug", "logger", *OF_THE_COMMAND):
            continue
        if name != "seed" and Fact.INCIDENTAL in facts_about(values, name):
            continue
        value = chosen[name] if name in chosen else OmegaConf.select(config, name)
        if isinstance(value, Plain):
            found[name] = value
    return found
