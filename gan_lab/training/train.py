"""The composition root: from a configuration to objects to a trained model."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.callbacks import Callback, Checkpoint, ModelSummary, ProgressBar
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_lab.callbacks.graceful_stop import GracefulStop, Signals
from gan_lab.callbacks.rollback import RolledBack
from gan_lab.config import schema as configuration
from gan_lab.config.facts import options_with
from gan_lab.config.schema import build
from gan_lab.data.base import ImageDataModule
from gan_lab.distributed import launcher
from gan_lab.models.adversarial import PLAYERS, AdversarialModule
from gan_lab.runs import initial_weights
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.initial_weights import mismatch, put_into
from gan_lab.runs.resume import Changes, differences
from gan_lab.runs.run import Run, now
from gan_lab.runs.run_lock import hold_run_lock
from gan_lab.training.track_run import barrier_on_exit, health_of, is_single, save_traceback, track_run
from gan_lab.training.trainer import Trainer, last_batch
from gan_lab.utils import hardware, memory
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import remove_partial_files
from gan_lab.utils.types import Fact

# Warnings of Lightning's that don't apply here: the loggers count batches over epochs, the order of the images needs no
# state to go on, the generator's moving average is not trained; and one about Lightning's own code.
NOT_APPLICABLE = (
    "Found .* in eval mode at the start of training",
    "The number of training batches .* is smaller than the logging interval",
    "You're resuming from a checkpoint that ended before the epoch ended and your dataloader is not resumable",
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated",
)

MISFIT = (
    "the networks don't fit the images or each other (resnet_patchgan and its kind are for model=cyclegan, the others "
    "for all other models; sizes follow data.image_size, data.channels and model.latent_dim): "
)

# Lightning refuses a callback whose switch is off.
SWITCHES = {
    "enable_progress_bar": ProgressBar,
    "enable_checkpointing": Checkpoint,
    "enable_model_summary": ModelSummary,
}


def check(config: DictConfig) -> None:
    """Refuse a configuration that can't work, before anything is written.

    The model is built and rehearsed without memory, on the meta device: networks that fit neither the images nor
    each other are found before the data is touched.

    Raises:
        UserError: saying what is wrong.
    """
    configuration.check(config)
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)  # building a trainer is not training yet
    options = ("accelerator", "devices", "precision", "num_nodes", "sync_batchnorm", "compile")
    hardware.check(**{option: config.trainer[option] for option in options})
    if config.trainer.num_nodes > 1 and not launcher.detect_launcher():
        raise UserError(
            f"trainer.num_nodes={config.trainer.num_nodes}: on several machines start this with torchrun or srun on "
            "each; docs/several_devices.md has the commands"
        )
    trainer = build_trainer(config)
    for health in health_of(trainer):
        health.check(trainer)
    data: ImageDataModule = build(config.data)
    with torch.device("meta"):
        model: AdversarialModule = build(config.model)
        known = config.data.get("num_classes")
        if getattr(model, "num_classes", known) != known:
            said = f"model.num_classes={config.model.num_classes}"
            raise UserError(f"{said}: the data has {known}; set data.num_classes instead")
        with blamed_on("model.optimizer"):
            model.configure_optimizers()
        with blamed_on("model.network", MISFIT):
            model.dry_run(data.example())
        if config.init_from and not config.resume:
            put_into(model, initial_weights.read(config.init_from), config.init_from)
    needs_memory(model)
    if model.needs_an_end and trainer.has_no_end:
        raise UserError(
            "model.schedule: learning rates that fall until the end need one: set trainer.max_steps or "
            "trainer.max_epochs, or model/schedule=constant"
        )


@contextmanager
def blamed_on(option: str, misfit: str = "") -> Iterator[None]:
    """What a library says of a value, said of the option that holds it; with more words where tensors don't fit."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError) as error:
        more = misfit if isinstance(error, RuntimeError) else ""
        raise UserError(f"{option}: {more}{str(error).splitlines()[0]}") from error


def needs_memory(model: AdversarialModule) -> None:
    """Refuse a model whose weights alone don't fit into this machine's memory.

    Raises:
        UserError: saying how many there are.
    """
    size = sum(value.nbytes for value in model.state_dict().values())
    if size > memory.available():
        weights = sum(weight.numel() for weight in model.parameters())
        raise UserError(
            f"model.network: {weights:,} weights take {size / 1e9:.0f} GB, more than this machine has left "
            f"({memory.available() / 1e9:.0f} GB); choose smaller networks"
        )


def train(config: DictConfig) -> float | None:
    """Train as configured, in the run folder that Hydra made, or go on in the one that is resumed.

    Returns:
        What a sweep minimises: the lowest FID while training, to training images; None where none was computed. It is
        not that of the end, lest a sweep choose by the test images.
    """
    run = Run(HydraConfig.get().runtime.output_dir)
    if run.record_file.exists() and not config.resume:
        raise UserError(f"{run.folder}: there is a run already. Go on with it, resume={run.folder}, or choose another")
    with open_dict(config):
        config.run_dir = str(run.folder)
        make_absolute(config)
    check(config)
    if config.resume and is_complete(run, config):
        return run.objective()
    count = config.trainer.devices
    if count == "auto" or count * config.trainer.num_nodes == 1 or launcher.detect_launcher():
        train_here(config, run.folder)
    else:
        train_in_workers(config, run, count)
    return run.objective()


def train_in_workers(config: DictConfig, run: Run, count: int) -> None:
    """Train in several processes on this machine; what they could not write of their end is written here."""
    if config.resume:
        saved_state(run)  # says what is wrong with it, if anything is
    try:
        launcher.run_workers(OmegaConf.to_yaml(config), run.folder, count)
    except UserError:
        if is_single() and not config.resume and not run.record().get("batches"):
            run.discard()
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
        run.update_record(status=status, ended=now(), error=error)


def train_here(config: DictConfig, folder: Path) -> None:
    """Train in this process, alone or as one of several.

    Raises:
        UserError: the run can't go on from what is there.
    """
    run = Run(folder)
    for message in NOT_APPLICABLE:
        warnings.filterwarnings("ignore", message)
    checkpoint = saved_state(run) if config.resume else None
    changes = differences(run.config(), config) if config.resume else {}
    hardware.prepare()
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    data: ImageDataModule = build(config.data)
    model: AdversarialModule = build(config.model)
    told: dict[str, Any] = {}
    if config.resume:
        batch = checkpoint["global_step"] if checkpoint else 0
        told["resumed"] = {"at": now(), "batch": batch, "mode": config.resume_mode, "changed": changes}
    if checkpoint and (problem := mismatch(model, checkpoint["state_dict"])):
        raise UserError(f"{run.checkpoint} does not fit: {problem}; init_from= starts a new run with what fits")
    if config.init_from and not checkpoint:
        told["init_from"] = put_into(model, initial_weights.read(config.init_from), config.init_from)
    going_on = ResumeCallback(run, config, changes, begun=checkpoint is not None) if config.resume else None
    trainer = build_trainer(config, going_on)
    with ExitStack() as stack:
        stack.enter_context(signals_of(trainer))
        stack.enter_context(barrier_on_exit(trainer))
        if trainer.is_global_zero:  # the one that writes
            stack.enter_context(hold_run_lock(run))
            remove_partial_files(run.folder)
            if checkpoint:
                run.restore_previous()
            stack.enter_context(track_run(run, config, trainer, data, told))
        else:
            stack.enter_context(save_traceback(run.folder, trainer.global_rank))
        if trainer.is_global_zero and not config.resume:
            run.save_config(config)
        fit(trainer, model, data, run.checkpoint if checkpoint else None)


def saved_state(run: Run) -> dict[str, Any] | None:
    """What a run goes on from; None where it was killed before anything was saved, so that it can only begin anew.

    Raises:
        UserError: what was saved is missing or damaged.
    """
    record = run.record()
    had_begun = run.has_checkpoint or record.get("batches") or record["status"] == "finished"
    return run.load_checkpoint() if had_begun else None


def fit(trainer: Trainer, model: AdversarialModule, data: ImageDataModule, checkpoint: Path | None) -> None:
    """Train to the end, from the checkpoint if there is one, over as many rollbacks as it takes."""
    while True:
        try:
            trainer.fit(model, data, ckpt_path=checkpoint, weights_only=True)
            return
        except RolledBack as detour:
            checkpoint = detour.checkpoint


def make_absolute(config: DictConfig) -> None:
    """Spell out the paths to what a run reads or shares: the run may be resumed from another working directory."""
    for option in options_with(Fact.INPUT_PATH, config):
        path = OmegaConf.select(config, option)
        if isinstance(path, str):
            OmegaConf.update(config, option, str(Path(path).expanduser().absolute()))


class ResumeCallback(Callback):
    """What else a resumed run needs.

    It refuses other images than the run began with, unless it is told to change them. The configuration is saved once
    all processes have read the old one. A value of an optimizer that is to change is changed after the optimizer's
    saved state has brought the old one back.

    Args:
        run: that goes on.
        config: that it goes on with.
        changes: of it since it was saved.
        begun: whether it has been trained on any images.
    """

    def __init__(self, run: Run, config: DictConfig, changes: Changes, *, begun: bool) -> None:
        self.run = run
        self.config = config
        same_data = begun and not any(name.startswith("data.") for name in changes)
        self.expected = run.record().get("data") if same_data else None
        names = ((name.split("."), new) for name, (_, new) in changes.items() if name.startswith("model.optimizer."))
        self.values = [(PLAYERS.index(path[2]), path[3], new) for path, new in names if len(path) == 4]

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Compare, now that the images are loaded."""
        found = trainer.datamodule.describe()  # type: ignore[attr-defined]
        for name in ("name", "substitute", "train_images"):
            if self.expected is not None and found.get(name) != self.expected.get(name):
                raise UserError(
                    f"the run began on data with {name}={self.expected.get(name)} from {self.expected.get('source')}, "
                    f"but finds {name}={found.get(name)} from {found.get('source')}; put the data back to go on"
                )
        if trainer.is_global_zero:
            self.run.save_config(self.config)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Set what changed."""
        for player, name, value in self.values:
            for group in trainer.optimizers[player].param_groups:
                group[name] = value
                if name == "lr":
                    group["initial_lr"] = value


def build_trainer(config: DictConfig, *extra: Callback | None) -> Trainer:
    """The trainer with its callbacks and loggers."""
    callbacks = [*filter(None, extra), *wanted_callbacks(config)]
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
    """The configured callbacks, without those that a switch of the trainer turns off."""
    callbacks: list[Callback] = [build(node) for node in config.get("callbacks", {}).values() if node]
    off = tuple(kind for switch, kind in SWITCHES.items() if config.trainer.get(switch) is False)
    wanted = [callback for callback in callbacks if not isinstance(callback, off)]
    return sorted(wanted, key=lambda callback: not isinstance(callback, GracefulStop))  # it says why it comes first


def signals_of(trainer: Trainer) -> Signals:
    """What listens for signals: the callback that ends training gracefully; without one they end it at once."""
    endings = (callback for callback in trainer.callbacks if isinstance(callback, GracefulStop))  # type: ignore[attr-defined]
    ending = next(endings, None)
    return ending.signals if ending else Signals()


def is_complete(run: Run, config: DictConfig) -> bool:
    """Whether the run has already reached its end; if so, say it."""
    record = run.record()
    batches, per_epoch = record.get("batches", 0), record.get("batches_per_epoch", 0)
    end = last_batch(config.trainer.max_steps, config.trainer.max_epochs, per_epoch)
    if record["status"] != "finished" or end is None or batches < end:
        return False
    counted_in_epochs = config.trainer.max_steps == -1
    later = f"max_epochs={2 * config.trainer.max_epochs}" if counted_in_epochs else f"max_steps={2 * batches}"
    print(
        f"{run.folder} is finished: {batches:,} batches, {record['images_seen']:,} images.\n"
        f"To go on, set a later end: trainer.{later}"
    )
    return True
