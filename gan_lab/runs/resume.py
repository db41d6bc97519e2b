"""Going on with a run: what it takes from the run's folder, and what the command line may change.

A resumed run ends with the bits of an uninterrupted one as long as nothing changes that they depend on. What does is
refused, or, with `resume_mode=continue`, allowed and recorded: the run goes on as another one.
"""

from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from gan_lab.config import saved_config
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError, nearest

OF_THE_COMMAND = ("resume", "resume_mode", "run_dir")
# Of the trainer, what no bit depends on; nor on its end, unless learning rates fall until then.
HARMLESS = {
    "log_every_n_steps",
    "limit_train_batches",
    "cuda_graphs",
    "detect_anomaly",
    "profiler",
    "enable_progress_bar",
    "enable_model_summary",
    "enable_checkpointing",
}
END = {"max_steps", "max_epochs"}
WATCHERS = "gan_lab.callbacks."  # look on; what Health does to a run that is lost anyway is recorded as an alarm
REASONS = {
    "seed": "other noise, and the images in another order",
    "data": "other images, or in another order",
    "model": "other weights, or another game",
    "trainer.devices": "other noise, and sums in another order",
    "trainer.precision": "other rounding",
    "trainer.accelerator": "sums in another order",
    "trainer.max_steps": "learning rates that fall until the end are others all along",
    "trainer.max_epochs": "learning rates that fall until the end are others all along",
}

Changes = dict[str, list[Any]]  # by name, the values before and after


def load_run_config(config: DictConfig) -> None:
    """Replace a composed configuration by that of the run to go on with, and Hydra's folder by the run's.

    Raises:
        UserError: there is no such run, or the command line changes what makes it the run that it is.
    """
    if not config.resume:
        raise UserError("resume=: say the folder of the run to go on with, or leave it out")
    run = Run.open(str(config.resume))
    saved = run.config()
    overrides = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
    saved_config.refuse_hostile(saved, run.folder, [override.key_or_group for override in overrides])
    for line in config.hydra.overrides.task:
        change(saved, line, exact=config.resume_mode == "exact")
    with read_write(config), read_write(config.hydra), open_dict(config):
        for name in saved.keys() - set(OF_THE_COMMAND):
            config[name] = saved[name]
        config.resume = config.run_dir = config.hydra.run.dir = str(run.folder)
        config.hydra.output_subdir = None  # the record of how the run began stays


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
    if "/" in name or not (place or name == "seed"):
        raise UserError(f"{line}: a resumed run keeps its parts, only single values may change; leave it out")
    parent = OmegaConf.select(config, place) if place else config
    if not isinstance(parent, DictConfig) or key not in parent:
        known = list(parent) if isinstance(parent, DictConfig) else list(config)
        raise UserError(f"{name}: the run has no such option. {nearest(key, known)}")
    before = config.copy()
    OmegaConf.update(config, name, override.value())
    for changed in sorted(differences(before, config), key=lambda changed: changed != name):
        if changed.endswith("_target_"):
            raise UserError(f"{line}: a resumed run keeps its parts, only single values may change; leave it out")
        if exact and (reason := what_breaks(before, changed)):
            raise UserError(
                f"{line}: the resumed run would not end as the uninterrupted one ({reason}). Leave it out; or add "
                "resume_mode=continue, which records the change; or start a new run"
            )


def differences(before: DictConfig, after: DictConfig) -> Changes:
    """What differs between two configurations of a run, with all that follows from it."""
    old, new = (dict(_leaves(OmegaConf.to_container(config, resolve=True))) for config in (before, after))
    names = sorted(name for name in old.keys() | new.keys() if name.partition(".")[0] not in OF_THE_COMMAND)
    return {name: [old.get(name), new.get(name)] for name in names if old.get(name) != new.get(name)}


def what_breaks(config: DictConfig, name: str) -> str | None:
    """Why a run whose value of this name changes can't end with the bits that it would have; None if it can."""
    group, _, rest = name.partition(".")
    if group == "logger" or (group == "trainer" and rest in HARMLESS):
        return None
    if group == "trainer" and rest in END and not _has_falling_rates(config):
        return None
    if group == "callbacks":
        node = config.callbacks.get(rest.partition(".")[0])
        watches = node is None or str(node.get("_target_")).startswith(WATCHERS)
        return None if watches else "this callback may do anything to it"
    return REASONS.get(name) or REASONS.get(group, "nobody can tell what this changes")


def _has_falling_rates(config: DictConfig) -> bool:
    schedules = config.model.get("schedule", {}).values()
    return any(schedule["_target_"] != "gan_lab.schedules.Constant" for schedule in schedules)


def _leaves(node: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(node, dict):
        return [(path, node)]
    below = ((f"{path}.{key}" if path else str(key), value) for key, value in node.items())
    return [leaf for name, value in below for leaf in _leaves(value, name)]
