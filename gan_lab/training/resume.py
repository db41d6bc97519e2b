"""The state that a resumed run goes on from, and what else such a run needs."""

import inspect
import logging
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig

from gan_lab.callbacks.health import Health
from gan_lab.models.player import PLAYERS
from gan_lab.runs.resume import Changes
from gan_lab.runs.run import Run
from gan_lab.training.trainer import last_batch
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say

log = logging.getLogger(__name__)

OF_CUDA = ("capturable",)  # an option of optimizers that the model sets on CUDA devices, and no other one knows


class ResumeCallback(Callback):
    """Makes sure that a resumed run goes on with its own images, and applies what is to change.

    Other images than those the run began with are refused, wherever they lie, unless the run is continued with other
    data. The configuration is saved once all processes have read the old one. Optimizers have its options, whatever
    their saved states say, which may be older, or a stranger's.

    Args:
        run: that goes on.
        config: that the run goes on with.
        changes: of the configuration since it was saved.
        has_begun: whether the run has been trained on any images.
    """

    def __init__(self, run: Run, config: DictConfig, changes: Changes, *, has_begun: bool) -> None:
        self.run = run
        self.config = config
        other_data = config.resume_mode == "continue" and any(name.startswith("data.") for name in changes)
        self.expected = run.data_record() if has_begun and not other_data else {}
        self.new_rates = [player for player in PLAYERS if f"model.optimizer.{player}.lr" in changes]

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Compare the images, now that they are loaded, and save the configuration.

        Raises:
            UserError: the run began on others.
        """
        data = trainer.datamodule.identity()  # type: ignore[attr-defined]
        later = [name for name in ("train_sha256", "classes") if name in self.expected]  # which old records lack
        for name in ("name", "substitute", "train_images", "window", *later):
            if self.expected and data.get(name) != self.expected.get(name):
                raise UserError(
                    f"the run began on data with {name}={self.expected.get(name)} from {self.expected.get('source')}, "
                    f"but finds {name}={data.get(name)} from {data.get('source')}; put the data back to go on"
                )
        if trainer.is_global_zero:
            self.run.save_config(self.config)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Set the optimizers' options; a lower rate stays where a rollback may have lowered it."""
        health = [callback for callback in trainer.callbacks if isinstance(callback, Health)]  # type: ignore[attr-defined]
        may_be_lower = not health or health[0].rolled_back > 0
        kept = {"params", "lr", *(OF_CUDA if trainer.strategy.root_device.type == "cuda" else ())}
        fresh_ones: list[torch.optim.Optimizer] = pl_module.configure_optimizers()  # type: ignore[assignment]
        for player, optimizer, fresh in zip(PLAYERS, trainer.optimizers, fresh_ones, strict=True):
            options = inspect.signature(type(fresh)).parameters.keys() - kept
            for group, own in zip(optimizer.param_groups, fresh.param_groups, strict=True):
                group.update({name: own[name] for name in options & own.keys()})
                group["lr"] = float(group["lr"])  # a CUDA device may have left a tensor
                saved, rate = group["initial_lr"], own["initial_lr"]
                if player in self.new_rates or saved > rate or (saved < rate and not may_be_lower):
                    group["lr"] = group["initial_lr"] = rate
        self.new_rates = []  # a rollback comes by here again


def take_up_threads(run: Run, *, exact: bool) -> Changes:
    """Have torch compute with as many threads as the run did: on a CPU its bits depend on them.

    Returns:
        The change of the number, where a run that is continued gets this program's.
    """
    record, own = run.record(), torch.get_num_threads()
    before = record.get("threads", own)
    if before == own or record.get("device") != "cpu":
        return {}
    if not exact:
        return {"threads": [before, own]}
    log.warning("Going on with %d threads, as the run began, not with %d: its bits depend on them", before, own)
    torch.set_num_threads(before)
    return {}


def has_state(run: Run) -> bool:
    """Tell a run that something was saved of, or should have been, from one that can only begin anew."""
    record = run.record()
    return bool(run.has_checkpoint or record.get("batches") or record["status"] == "finished")


def load_state(run: Run) -> dict[str, Any] | None:
    """Load the checkpoint that a run goes on from; None where the run was killed before anything was saved.

    Raises:
        UserError: what was saved is missing or damaged.
    """
    return run.load_checkpoint() if has_state(run) else None


def is_complete(run: Run, config: DictConfig) -> bool:
    """Say so where a run has already reached its end.

    Returns:
        Whether it has.
    """
    record = run.record()
    batches, per_epoch = record.get("batches", 0), record.get("batches_per_epoch", 0)
    end = last_batch(config.trainer.max_steps, config.trainer.max_epochs, per_epoch)
    if record["status"] != "finished" or end is None or batches < end:
        return False
    counted_in_epochs = config.trainer.max_steps == -1
    later = f"max_epochs={2 * config.trainer.max_epochs}" if counted_in_epochs else f"max_steps={2 * batches}"
    say(
        f"{run.folder} is finished: {batches:,} batches, {record['images_seen']:,} images.\n"
        f"To go on, set a later end: trainer.{later}"
    )
    return True
