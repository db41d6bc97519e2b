"""The state that a resumed run goes on from, and what else such a run needs."""

import logging
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig

from gan_lab.models.adversarial import PLAYERS
from gan_lab.runs.resume import Changes
from gan_lab.runs.run import Run
from gan_lab.training.trainer import last_batch
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import say

log = logging.getLogger(__name__)


class ResumeCallback(Callback):
    """Makes sure that a resumed run goes on with its own images, and applies what is to change.

    Other images than those the run began with are refused, wherever they lie, unless the run is continued with other
    data. The configuration is saved once all processes have read the old one. An optimizer's value that is to change
    is set after the optimizer's saved state has brought the old one back.

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
        names = ((name.split("."), new) for name, (_, new) in changes.items() if name.startswith("model.optimizer."))
        self.values = [(PLAYERS.index(path[2]), path[3], new) for path, new in names if len(path) == 4]

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Compare the images, now that they are loaded, and save the configuration.

        Raises:
            UserError: the run began on others.
        """
        data = trainer.datamodule.identity()  # type: ignore[attr-defined]
        contents = ["train_sha256"] if "train_sha256" in self.expected else []  # which old records lack
        for name in ("name", "substitute", "train_images", "classes", "window", *contents):
            if self.expected and data.get(name) != self.expected.get(name):
                raise UserError(
                    f"the run began on data with {name}={self.expected.get(name)} from {self.expected.get('source')}, "
                    f"but finds {name}={data.get(name)} from {data.get('source')}; put the data back to go on"
                )
        if trainer.is_global_zero:
            self.run.save_config(self.config)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Set the optimizers' changed values."""
        for player, name, value in self.values:
            for group in trainer.optimizers[player].param_groups:
                group[name] = value
                if name == "lr":
                    group["initial_lr"] = value


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
