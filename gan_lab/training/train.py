"""Training, from a composed configuration to a run folder with everything that came of it."""

import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lightning
from omegaconf import DictConfig, OmegaConf

from gan_lab.callbacks.graceful_stop import GracefulStop, Signals
from gan_lab.callbacks.rollback import RolledBack
from gan_lab.config.schema import build
from gan_lab.data.base import ImageDataModule
from gan_lab.distributed import launcher
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.checkpoint_check import check_state
from gan_lab.runs.initial_weights import put_into
from gan_lab.runs.run import Run, now
from gan_lab.runs.run_lock import hold_run_lock
from gan_lab.training.build import Parts
from gan_lab.training.describe import told_to_loggers
from gan_lab.training.resume import is_complete, load_state, take_up_threads
from gan_lab.training.track_run import barrier_on_exit, save_traceback, track_run
from gan_lab.training.trainer import Trainer
from gan_lab.training.validate import validate
from gan_lab.utils import disk, hardware
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import remove_unfinished

# Warnings of Lightning's that don't apply here: the loggers count batches over epochs, the order of the images needs no
# state to go on, the generator's moving average is not trained; and one about Lightning's own code. torch's is of the
# steps before one is recorded as a CUDA graph.
NOT_APPLICABLE = (
    "Found .* in eval mode at the start of training",
    "The number of training batches .* is smaller than the logging interval",
    "You're resuming from a checkpoint that ended before the epoch ended and your dataloader is not resumable",
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated",
    "This instance was constructed with capturable=True",
)


def train(config: DictConfig, folder: str | Path, *, discard_refused: bool = True, debug: bool = False) -> float | None:
    """Train as configured in a run folder, or go on in the one that is resumed.

    Args:
        config: composed from conf/train.yaml.
        folder: of the run; made where there is none.
        discard_refused: whether a run that is refused before its first batch leaves nothing; else its record says why.
        debug: whether an unexpected error comes out as it is, and not as a `UserError` of one line.

    Returns:
        What a sweep minimises: the best score while training, against training images, by which `best_by` goes, as
        `Title.minimised` turns it; None where none was computed. It is not that of the end, lest a sweep choose by the
        test images.

    Raises:
        UserError: the configuration or the data can't work, or training failed.
    """
    return train_parts(validate(config, folder), discard_refused=discard_refused, debug=debug)


def train_parts(parts: Parts, *, discard_refused: bool = True, debug: bool = False) -> float | None:
    """Train with what `validate` has built; otherwise as `train`."""
    config, run = parts.config, parts.run
    if config.resume and is_complete(run, config):
        return run.objective()
    run.folder.mkdir(parents=True, exist_ok=True)
    count = config.trainer.devices
    if count == "auto" or count * config.trainer.num_nodes == 1 or launcher.detect_launcher():
        train_here(parts, discard_refused=discard_refused, debug=debug)
    else:
        train_in_workers(parts, count, discard_refused=discard_refused)
    return run.objective()


def train_in_workers(parts: Parts, count: int, *, discard_refused: bool) -> None:
    """Train in several processes on this machine; what they could not write of their end is written here."""
    config, run = parts.config, parts.run
    if config.resume:
        load_state(run)  # says what is wrong with it, if anything is
    try:
        launcher.run_workers(OmegaConf.to_yaml(config), run.folder, count)
    except UserError:
        if discard_refused and not config.resume and not run.record().get("batches"):
            run.discard(parts.before)
        raise
    except launcher.WorkerFailed as error:
        close_for_workers(run, "failed", str(error))
        raise UserError(f"{error}; the traceback, if there is one, is in {run.folder}/crash*.txt") from error
    except SystemExit as ending:
        close_for_workers(run, "interrupted", str(ending.code))
        raise


def close_for_workers(run: Run, status: str, error: str) -> None:
    """Record an end that no worker could."""
    if run.record_file.exists() and run.record()["status"] == "running":
        with disk.surviving(run.record_file):
            run.update_record(status=status, ended=now(), error=error)


def train_here(parts: Parts, *, discard_refused: bool = False, debug: bool = False) -> None:
    """Train in this process, alone or as one of several.

    Raises:
        UserError: the run can't go on from what is there.
    """
    config, run, trainer = parts.config, parts.run, parts.trainer
    for message in NOT_APPLICABLE:
        warnings.filterwarnings("ignore", message)
    checkpoint = load_state(run) if config.resume else None
    hardware.prepare()
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    model: AdversarialModule = build(config.model)
    if checkpoint:
        check_state(checkpoint, model, trainer, run.checkpoint)
    facts: dict[str, Any] = {}  # for the record
    if config.resume:
        batch = checkpoint["global_step"] if checkpoint else 0
        changed = parts.changes | (take_up_threads(run, exact=config.resume_mode == "exact") if checkpoint else {})
        facts["resumed"] = {"at": now(), "batch": batch, "mode": config.resume_mode, "changed": changed}
    if parts.weights is not None and not checkpoint:
        facts["init_from"] = put_into(model, parts.weights, config.init_from)
    file, checkpoint = run.checkpoint if checkpoint else None, None  # Lightning reads it again; memory holds it once
    with ExitStack() as stack:
        stack.enter_context(signals_of(trainer))
        stack.enter_context(barrier_on_exit(trainer))
        if trainer.is_global_zero:  # the one that writes
            stack.enter_context(hold_run_lock(run))
            remove_unfinished(run.folder, *filter(Path.is_dir, run.folder.iterdir()))
            if file:
                run.restore_previous()
            begin = stack.enter_context(told_to_loggers(parts))
            stack.enter_context(track_run(parts, facts, discard_refused=discard_refused, debug=debug))
            if not config.resume:
                run.save_config(config)
            begin()
        else:
            stack.enter_context(save_traceback(run.folder, trainer.global_rank))
        fit(trainer, model, parts.data, file)


def fit(trainer: Trainer, model: AdversarialModule, data: ImageDataModule, checkpoint: Path | None) -> None:
    """Train to the end, from the checkpoint if there is one, over as many rollbacks as it takes."""
    while True:
        try:
            trainer.fit(model, data, ckpt_path=checkpoint, weights_only=True)
            return
        except RolledBack as detour:
            checkpoint = detour.checkpoint


def signals_of(trainer: Trainer) -> Signals:
    """Find what listens for signals: the callback that ends training gracefully; without one they end it at once."""
    endings = (callback for callback in trainer.callbacks if isinstance(callback, GracefulStop))  # type: ignore[attr-defined]
    ending = next(endings, None)
    return ending.signals if ending else Signals()
