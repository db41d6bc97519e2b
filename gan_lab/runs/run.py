"""A run's folder: write it, read it, load a trained model from it. `gan_lab.utils.run_layout` says what lies in it."""

import json
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from omegaconf import DictConfig

import gan_lab
from gan_lab.config import own_code, saved_config
from gan_lab.runs import record
from gan_lab.runs.names import folder_of
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import link_or_copy, write_atomically
from gan_lab.utils.locks import is_held
from gan_lab.utils.run_layout import EVENTS, RunLayout
from gan_lab.utils.typed_json import read_json

if TYPE_CHECKING:  # torch and lightning take seconds, and whoever only looks at records doesn't need them
    from gan_lab.models.adversarial import AdversarialModule

NEEDED = {"state_dict", "images_seen"}  # of a checkpoint
Which = Literal["last", "best"]
State = Literal["waiting", "running", "finished", "interrupted", "stopped", "failed", "died", "unreadable"]


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Before:
    """Things that a run found at its place: they stay when nothing comes of the run.

    Args:
        made: folders that were made for the run, the innermost first.
        entries: what lay in its folder, as `Run.entries` gives it.
    """

    made: Sequence[Path]
    entries: Collection[Path]

    @classmethod
    def at(cls, run: "Run", made: Sequence[Path] | None = None) -> "Before":
        """Look at a run's place; the folders that are to be made follow from it unless they have been made."""
        if made is None:
            made = [place for place in (run.folder, *run.folder.parents) if not place.exists()]
        return cls([place.absolute() for place in made], run.entries())


class Run(RunLayout):
    """One run's folder: its paths, and what can be done with what lies there."""

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """The run in a folder that exists, or of a name that `gan_lab.runs.names` finds one by.

        Raises:
            UserError: the folder is missing, or is no run folder.
        """
        run = cls(folder_of(folder))
        if not run.folder.is_dir():
            raise UserError(f"{folder}: no such run folder")
        for file in (run.config_file, run.record_file):
            if not file.is_file():
                raise UserError(f"{run.folder} is not a run folder: it has no {file.relative_to(run.folder)}")
        return run

    def config(self) -> DictConfig:
        """The configuration, with paths into the folder as it lies now and caches of this user; it downloads nothing.

        Raises:
            UserError: the file can't be read, or refers to more than its own values.
        """
        if "${" in str(self.folder):
            raise UserError(f"{self.folder}: a name with ${{ would be taken for a reference; rename the folder")
        config = saved_config.read(self.config_file)
        if own_code.is_sealed(self.config_file):
            own_code.trust(config)
        config.run_dir = str(self.folder)
        saved_config.use_own_places(config, self.folder)
        return config

    def overrides(self) -> list[str] | None:
        """The overrides of the command line that began the run, as text; None where Hydra's note of them is missing."""
        with suppress(UserError):
            overrides = saved_config.read_plain(self.overrides_file)
            return list(map(str, overrides)) if isinstance(overrides, list) else None
        return None

    def choices(self) -> dict[str, str]:
        """The choices of the run's configuration by group, as text; none where Hydra's note of them is missing."""
        with suppress(UserError, KeyError, TypeError, AttributeError):
            choices = saved_config.read_plain(self.hydra_file)["hydra"]["runtime"]["choices"]
            return {str(group): str(choice) for group, choice in choices.items()}
        return {}

    def save_config(self, config: DictConfig) -> None:
        """Keep the configuration that the run goes on with."""
        self.config_file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.config_file, saved_config.text(config))
        own_code.seal(self.config_file)

    def record(self) -> dict[str, Any]:
        """The content of run.json, which `gan_lab.runs.record.Record` describes.

        Raises:
            UserError: the file can't be read, or a value in it is of another kind.
        """
        content: Any = read_json(self.record_file, record.form())
        return cast(dict[str, Any], content)

    def data_record(self) -> dict[str, Any]:
        """The record's part on the data, as `ImageDataModule.describe` gave it; empty before the first batch."""
        described = self.record().get("data")
        return described if isinstance(described, dict) else {}

    def update_record(self, **values: Any) -> None:
        """Set values in run.json, keeping the others."""
        before = self.record() if self.record_file.exists() else {}
        self.write_record(before | values)

    def write_record(self, values: dict[str, Any]) -> None:
        """Replace run.json by these values."""
        write_atomically(self.record_file, json.dumps(values, indent=2) + "\n")

    def entries(self) -> set[Path]:
        """List what lies in the folder, and in those of Hydra and TensorBoard there, which a run begins with."""
        folders = (self.folder, self.config_file.parent, self.tensorboard)
        return {path for folder in folders if folder.is_dir() for path in folder.iterdir()}

    def discard(self, before: Before) -> bool:
        """Remove what the run has made if nothing has come of it.

        Returns:
            True if that was no more than what every run begins with.
        """
        hydra, own = self.config_file.parent, (self.lock_file, self.record_file, self.log_file)
        beginnings = {hydra, self.tensorboard, self.wandb, *own}

        def is_beginning(path: Path) -> bool:
            if path.parent == self.tensorboard and path.name.startswith(EVENTS):
                return True
            return path in beginnings or path.parent == self.config_file.parent

        made = self.entries() - set(before.entries)
        if not all(map(is_beginning, made)):
            return False
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.FileHandler) and Path(handler.baseFilename).parent == self.folder.absolute():
                logging.getLogger().removeHandler(handler)
        for path in sorted(made, reverse=True):  # what lies in a folder before the folder
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with suppress(OSError):  # the first that holds something else, or that others may not remove
            for folder in before.made:
                folder.rmdir()
        return True

    def state(self) -> State:
        """The record's status; "died" if that is running and nobody trains the run, "waiting" without a record.

        Raises:
            UserError: the record can't be read.
        """
        if not self.record_file.exists():
            return "waiting"
        status: State = self.record()["status"]
        return "died" if status == "running" and not is_held(self.lock_file) else status

    def objective(self) -> float | None:
        """The number that a sweep minimises: the best score while training, negative where more is better, or None."""
        best = record.best_score(self.record())
        return best and best.minimised

    def load_model(self, which: Which = "last") -> "AdversarialModule":
        """The trained model, on the CPU, in evaluation mode: as training left it, or at its best.

        Raises:
            UserError: there is no checkpoint yet, or it does not fit the configuration.
        """
        from gan_lab.config import allowed, schema
        from gan_lab.models.adversarial import AdversarialModule
        from gan_lab.runs import checkpoint_check

        config = self.config()
        schema.check(config)
        if not issubclass(allowed.resolve(config.model._target_, "model._target_"), AdversarialModule):
            raise UserError(f"{self.config_file}: model._target_={config.model._target_} is not a model")
        # Optimizers, twice the size of what they optimise, are gone before the model takes memory.
        needed = checkpoint_check.WEIGHTS
        checkpoint = {name: part for name, part in self.load_checkpoint(which).items() if name in needed}
        model: AdversarialModule = schema.build(config.model)
        checkpoint_check.check_weights(checkpoint, model, self.checkpoint if which == "last" else self.best)
        model.load_state_dict(checkpoint["state_dict"])
        model.on_load_checkpoint(checkpoint)
        return model.eval()

    def load_checkpoint(self, which: Which = "last") -> dict[str, Any]:
        """The last checkpoint, or the best, on the CPU; loading executes nothing from the file.

        A damaged last checkpoint is named in a warning, and the one before it is taken; one that can't be read, for
        want of permission, is not passed over.

        Raises:
            UserError: the checkpoint is missing, damaged, or can't be read.
        """
        return self._sound_checkpoint(which)[1]

    def restore_previous(self) -> dict[str, Any]:
        """Load the last checkpoint; if that is damaged, have the one before it take its place.

        The damaged one is kept under another name: it must not be taken for the one before the next.
        """
        file, checkpoint = self._sound_checkpoint("last")
        if file != self.checkpoint:
            if self.checkpoint.exists():
                self.checkpoint.replace(self.damaged)
            link_or_copy(file, self.checkpoint)
        return checkpoint

    @property
    def has_checkpoint(self) -> bool:
        """True where there is a state to go on from, sound or not."""
        return self.checkpoint.is_file() or self.previous.is_file()

    def _sound_checkpoint(self, which: Which) -> tuple[Path, dict[str, Any]]:
        from gan_lab.runs import checkpoint_io
        from gan_lab.runs.checkpoint_io import DamagedCheckpointError

        file = self.checkpoint if which == "last" else self.best
        candidates = [file, self.previous] if which == "last" else [file]
        problems = [f"{self.folder} has no checkpoint: it ended before {file.name} was first saved"]
        for candidate in filter(Path.is_file, candidates):
            try:
                checkpoint = checkpoint_io.read(candidate)
                if not checkpoint.keys() >= NEEDED:
                    lacking = " or ".join(sorted(NEEDED))
                    raise DamagedCheckpointError(f"{candidate} is not a checkpoint of a run: it lacks {lacking}")
            except DamagedCheckpointError as error:
                problems.append(str(error))
            else:
                if candidate != file:
                    reason = problems[-1] if file.exists() else f"{file} is missing"
                    log.warning(
                        "%s. Taking the one before it, %s, of batch %s",
                        reason,
                        candidate,
                        checkpoint.get("global_step"),
                    )
                return candidate, checkpoint
        raise UserError("; ".join(problems[1:] or problems))


def now() -> str:
    """The local time with its offset from UTC, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def provenance() -> dict[str, Any]:
    """The origin of a run: versions, git commit, machine, process, command."""
    import lightning
    import torch

    return {
        "versions": {
            "python": platform.python_version(),
            "gan_lab": gan_lab.__version__,
            "torch": torch.__version__,
            "lightning": lightning.__version__,
        },
        "git_commit": git_commit(),
        "host": platform.node(),
        "pid": os.getpid(),
        "command": " ".join(sys.argv),
    }


def git_commit() -> str | None:
    """The commit of this code, "-dirty" appended where files differ from it; None where no repository tracks it."""
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    try:
        # An installed package may lie in the environment of a project that is a repository itself.
        subprocess.run([*git, "ls-files", "--error-unmatch", here.name], capture_output=True, check=True, timeout=10)
        describe = [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(describe, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
