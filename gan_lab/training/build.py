"""From a configuration to objects: trainer, callbacks, loggers and data, each built once."""

from collections.abc import Mapping
from dataclasses import dataclass

from lightning.pytorch.callbacks import Callback, Checkpoint, ModelSummary, ProgressBar
from omegaconf import DictConfig
from torch import Tensor

from gan_lab.callbacks.graceful_stop import GracefulStop
from gan_lab.config.schema import build
from gan_lab.data.base import ImageDataModule
from gan_lab.runs import initial_weights
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.resume import Changes, differences
from gan_lab.runs.run import Run
from gan_lab.training.resume import ResumeCallback, has_state
from gan_lab.training.trainer import Trainer

# Lightning refuses a callback whose switch is off.
SWITCHES = {
    "enable_progress_bar": ProgressBar,
    "enable_checkpointing": Checkpoint,
    "enable_model_summary": ModelSummary,
}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """All parts of a run but its model, which is built from the run's seed when training begins.

    Args:
        config: of the run, its paths absolute and `run_dir` set.
        run: the folder.
        trainer: with callbacks and loggers.
        data: the images to train on, not loaded yet.
        weights: those of `init_from` by name; None where the run begins with random ones, or goes on from its own.
        changes: of the configuration since the run was saved; none in a new run.
    """

    config: DictConfig
    run: Run
    trainer: Trainer
    data: ImageDataModule
    weights: Mapping[str, Tensor] | None
    changes: Changes


def build_parts(config: DictConfig, run: Run) -> Parts:
    """Build all parts of a run from its checked configuration, and read the weights that it begins with.

    Raises:
        UserError: a constructor refuses a value, or there are no such weights.
    """
    changes = differences(run.config(), config) if config.resume else {}
    has_begun = bool(config.resume) and has_state(run)
    data: ImageDataModule = build(config.data)
    if config.resume:
        data.recall(run.data_record())
    resume = [ResumeCallback(run, config, changes, has_begun=has_begun)] if config.resume else []
    return Parts(
        config=config,
        run=run,
        trainer=build_trainer(config, *resume),
        data=data,
        weights=initial_weights.read(config.init_from) if config.init_from and not has_begun else None,
        changes=changes,
    )


def build_trainer(config: DictConfig, *first: Callback) -> Trainer:
    """Build the trainer with its loggers and callbacks, some of them given."""
    callbacks = [*first, *wanted_callbacks(config)]
    checkpoints = any(isinstance(callback, Checkpoint) for callback in callbacks)
    trainer: Trainer = build(
        config.trainer,
        callbacks=callbacks,
        logger=[build(node) for node in config.get("logger", {}).values() if node],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=config.run_dir,
        **({} if checkpoints else {"enable_checkpointing": False}),  # else Lightning would add checkpoints of its own
    )
    return trainer


def wanted_callbacks(config: DictConfig) -> list[Callback]:
    """Build the configured callbacks, without those that a switch of the trainer turns off."""
    callbacks: list[Callback] = [build(node) for node in config.get("callbacks", {}).values() if node]
    off = tuple(kind for switch, kind in SWITCHES.items() if config.trainer.get(switch) is False)
    wanted = [callback for callback in callbacks if not isinstance(callback, off)]
    return sorted(wanted, key=lambda callback: not isinstance(callback, GracefulStop))  # which says why it comes first
