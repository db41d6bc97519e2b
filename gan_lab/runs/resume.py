"""Resuming a run: the configuration comes from the run's folder, and the command line may change some of it.

A resumed run ends with the bits of an uninterrupted one as long as nothing changes that they depend on. What does is
refused, or, with `resume_mode=continue`, allowed and recorded: the run goes on as another one.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from gan_lab.config import saved_config
from gan_lab.config.renamed import new_name_of
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError, nearest
from gan_lab.utils.types import Fact, OnResume

OF_THE_COMMAND = ("resume", "resume_mode", "run_dir")
SINGLE = ("seed", "tags", "notes")  # values at the top level that a resumed run may be given, or told why not
WATCHERS = "gan_lab.callbacks."  # look on; what Health does to a run that is lost anyway is recorded as an alarm

Changes = dict[str, list[Any]]  # by name, the values before and after


def load_run_config(config: DictConfig) -> None:
    """Replace a composed configuration by that of the run to go on with, and Hydra's folder by the run's.

    Raises:
        UserError: there is no such run, or the command line changes what makes it the run that it is.
    """
    if not config.resume:
        raise UserError("resume=: name the folder of the run to resume, or leave the option out")
    run = Run.open(str(config.resume))
    saved = run.config()
    add_newer_options(saved, config)
    overrides = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
    chosen = [override.input_line for override in overrides if chooses_loggers(override)]
    if chosen:
        saved.logger = config.logger
    saved_config.refuse_hostile(saved, run.folder, [override.key_or_group for override in overrides])
    for line in config.hydra.overrides.task:
        if line in chosen:
            continue
        change(saved, line, exact=config.resume_mode == "exact")
    with read_write(config), read_write(config.hydra), open_dict(config):
        for name in saved.keys() - set(OF_THE_COMMAND):
            config[name] = saved[name]
        config.resume = config.run_dir = config.hydra.run.dir = str(run.folder)
        config.hydra.output_subdir = None  # the record of how the run began stays


def chooses_loggers(override: Override) -> bool:
    """Tell if an override chooses the run's loggers: the one group that a resumed run may have chosen anew."""
    return override.key_or_group == "logger" and not override.is_delete() and isinstance(override.value(), str | list)


def load_job_config(run: Run, composed: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """The configuration that a sweep's job was begun with, checked like that of any other run that goes on.

    Args:
        run: of the job.
        composed: the configuration of the job by the command line of now, which says where things lie.
        overrides: of the job.

    Raises:
        UserError: its files would rule the program, or have it write outside the run's folder.
    """
    from gan_lab.config.facts import options_with

    saved = run.config()
    add_newer_options(saved, composed)
    parser = OverridesParser.create()
    stated = [override.key_or_group for override in parser.parse_overrides(list(overrides))]
    writers = [name for name in stated if name.partition(".")[0] in saved_config.WRITERS]
    for name in (*writers, *options_with(Fact.CACHE, saved), "data.root", "data.download"):
        value = OmegaConf.select(composed, name)
        if value is not None and OmegaConf.select(saved, name) is not None:
            OmegaConf.update(saved, name, value)
    if "logger" in stated:  # nothing but what the command line of now has chosen
        with open_dict(saved):
            saved.logger = composed.get("logger", {})
    saved_config.refuse_hostile(saved, run.folder, stated)
    return saved


def add_newer_options(saved: DictConfig, composed: DictConfig) -> None:
    """Give a run that began before an option existed the option's value of today, where that breaks nothing.

    Args:
        saved: configuration of the run.
        composed: configuration of now, with the values of today for each part of the same class.
    """
    from gan_lab.config.schema import lacking

    for name in list(lacking(OmegaConf.to_container(saved))):
        place, _, key = name.rpartition(".")
        old, new = OmegaConf.select(saved, place), OmegaConf.select(composed, place)
        same_class = isinstance(new, DictConfig) and new.get("_target_") == old.get("_target_")
        if same_class and key in new and what_breaks(saved, name) is None:
            with open_dict(old):
                old[key] = new._get_node(key)


def change(config: DictConfig, line: str, *, exact: bool) -> None:
    """Apply an override of the command line to a run's configuration.

    Raises:
        UserError: it can't be applied, or an exact resume would not be exact with it.
    """
    override = OverridesParser.create().parse_override(line)
    name = override.key_or_group
    if name in OF_THE_COMMAND:
        return
    place, _, key = name.rpartition(".")
    if "/" in name or not (place or name in SINGLE):
        raise UserError(f"{line}: a resumed run keeps its groups, only single values may change; leave it out")
    parent = OmegaConf.select(config, place) if place else config
    if name in SINGLE and name not in config:  # of a run that began before there was such an option
        with open_dict(config):
            config[name] = [] if name == "tags" else None
    if not isinstance(parent, DictConfig) or key not in parent:
        known = list(parent) if isinstance(parent, DictConfig) else list(config)
        raise UserError(new_name_of(name) or f"{name}: the run has no such option. {nearest(key, known)}")
    before = config.copy()
    OmegaConf.update(config, name, override.value())
    for changed in sorted(differences(before, config), key=lambda changed: changed != name):
        if changed.endswith("_target_"):
            raise UserError(f"{line}: a resumed run keeps its groups, only single values may change; leave it out")
        if exact and (reason := what_breaks(before, changed)):
            raise UserError(
                f"{line}: the resumed run would end with other results than the uninterrupted one ({reason}). Leave it "
                "out, add resume_mode=continue, which records the change, or start a new run"
            )


def differences(before: DictConfig, after: DictConfig) -> Changes:
    """The differences between two configurations of a run, with all values that follow from others."""
    old, new = (dict(_leaves(OmegaConf.to_container(config, resolve=True))) for config in (before, after))
    names = sorted(name for name in old.keys() | new.keys() if name.partition(".")[0] not in OF_THE_COMMAND)
    return {name: [old.get(name), new.get(name)] for name in names if old.get(name) != new.get(name)}


def what_breaks(config: DictConfig, name: str) -> str | None:
    """The reason why a run can't end with the bits that it would have once this option changes; None if it can."""
    group, _, rest = name.partition(".")
    if group == "callbacks":
        node = config.callbacks.get(rest.partition(".")[0])
        if node is None or str(node.get("_target_")).startswith(WATCHERS):
            return None
    from gan_lab.config.facts import facts_about  # it brings lightning, which takes seconds

    effects = [fact for fact in facts_about(config, name) if isinstance(fact, OnResume)]
    if not effects:
        return "its effect on the results is unknown"
    if effects[-1].only_with_an_end and not _needs_an_end(config):
        return None
    return effects[-1].breaks or None


def _needs_an_end(config: DictConfig) -> bool:
    """True where a number follows a schedule that depends on the length of the run, or may do so."""
    from gan_lab.config.allowed import resolve

    for schedule in config.model.get("schedule", {}).values():
        needs_an_end = True
        with suppress(UserError):  # of a class that may not be imported nothing is known
            needs_an_end = getattr(resolve(schedule["_target_"], "_target_"), "needs_an_end", True)
        if needs_an_end:
            return True
    return False


def _leaves(node: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(node, dict):
        return [(path, node)]
    below = ((f"{path}.{key}" if path else str(key), value) for key, value in node.items())
    return [leaf for name, value in below for leaf in _leaves(value, name)]
