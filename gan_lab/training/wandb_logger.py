"""Logger to Weights & Biases.

Lightning's own counts on batches, loses the place of a run that goes on offline, and ends no run.
"""

import logging
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from typing_extensions import TypedDict

from gan_lab.utils import images as pictures
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.extras import require
from gan_lab.utils.files import read_regular
from gan_lab.utils.loggers import Setup
from gan_lab.utils.typed_json import Count
from gan_lab.utils.types import OutputPath

log = logging.getLogger(__name__)

# Of W&B's settings in the current folder, which may have come with a stranger's files: those that lead nowhere else.
HARMLESS_SETTINGS = {"mode", "disabled", "project", "entity"}
LARGEST_SETTINGS = 1 << 16  # bytes


class WandBState(TypedDict):
    """State in checkpoints; these are held against this type before they are loaded."""

    rows: Count


class WandB(Logger):
    """Shows a run at wandb.ai, or keeps it in its folder for `wandb sync`: WANDB_MODE, `wandb login` and so on decide.

    All rows have `images_seen`, which is the x-axis of every panel. A resumed run goes on in the same W&B run.

    Attributes:
        contacts_server: a run that is resumed has this logger only if the command line says so.
        images_seen: those of the next row, if the row itself doesn't say it.

    Args:
        folder: where W&B makes its folder `wandb`.
        project: at W&B, a list of runs.
        entity: the account or team; None takes the account's default.
        name: of the run; None takes the name of its folder.

    Raises:
        UserError: W&B is not installed.
    """

    contacts_server = True

    def __init__(self, *, folder: OutputPath, project: str, entity: str | None, name: str | None) -> None:
        super().__init__()
        require("logger=wandb", "wandb", "wandb")
        self.folder = Path(folder)
        self.project = project
        self.entity = entity
        self.run_name = name
        self.run: Any = None  # W&B's, once it has begun
        self.rows = 0
        self.images_seen = 0

    @property
    def name(self) -> str:
        """The name of its state in checkpoints."""
        return "wandb"

    @property
    def version(self) -> str:
        """Empty: a run has one of these loggers."""
        return ""

    def begin(self, setup: Setup, run_id: str | None) -> str:
        """Begin a run at W&B, or go on with the one of an id.

        Returns:
            Its id.

        Raises:
            UserError: W&B can't: nobody has logged in, say, or the server does not answer.
        """
        refuse_other_servers(Path.cwd())
        import wandb  # it takes a second

        begun: dict[str, Any] = {}
        if run_id is None:  # what may have been changed at W&B later stays
            begun = {"name": self.run_name or setup.name, "tags": setup.options.get("tags") or None}
            begun["notes"] = setup.options.get("notes")
        try:
            self.run = wandb.init(
                project=self.project,
                entity=self.entity,
                dir=str(self.folder),
                id=run_id,
                resume="allow",
                group=setup.group,
                settings=wandb.Settings(symlink=False),
                **begun,
            )
        except (wandb.errors.Error, OSError) as error:
            hint = "WANDB_MODE=offline in the environment does without a server"
            raise UserError(f"logger=wandb: {reason(error).rstrip('.')}; {hint}") from error
        self._remove_links()
        self.run.config.update({"choices": dict(setup.choices), **setup.options}, allow_val_change=True)
        self.run.define_metric("images_seen")
        self.run.define_metric("*", step_metric="images_seen")
        self.rows = max(self.rows, int(self.run.step))
        return str(self.run.id)

    def end(self, status: str) -> None:
        """Send what is left; any status but "finished" counts as a failure at W&B, which knows no others."""
        if self.run is not None:
            self.run.finish(exit_code=0 if status == "finished" else 1)
            self._remove_links()
            self.run = None

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: `begin` has sent all options."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add a row, with the batches."""
        self._add(metrics | ({} if step is None else {"batches": step}))

    @rank_zero_only
    def log_image(self, key: str, images: Sequence[Any], step: int | None = None) -> None:
        """Show pictures, uint8 (channels, height, width) each."""
        import wandb

        shown = [wandb.Image(pictures.pixels(image)) for image in images]
        self._add({key: shown if len(shown) > 1 else shown[0]} | ({} if step is None else {"batches": step}))

    @rank_zero_only
    def log_message(self, key: str, text: str, step: int | None = None) -> None:
        """Show the latest text of a name in the summary, and send each as an alert, for those who want to be told."""
        self.run.summary[f"{key}/text"] = text
        self.run.alert(title=key, text=text, level="WARN")

    def state_dict(self) -> WandBState:
        """The number of rows, for a checkpoint: offline, nobody else knows where a run goes on."""
        return {"rows": self.rows}

    @rank_zero_only
    def load_state_dict(self, state: WandBState) -> None:
        """Go on behind the checkpoint's rows, or behind those that W&B has."""
        self.rows = max(self.rows, state["rows"])

    def _remove_links(self) -> None:
        """Remove W&B's link to its program's own log: a run folder with links that lead out of it is not resumed."""
        for path in (self.folder / "wandb").rglob("*"):
            if path.is_symlink():
                path.unlink(missing_ok=True)

    def _add(self, row: dict[str, Any]) -> None:
        self.run.log({"images_seen": self.images_seen} | row, step=self.rows)
        self.rows += 1


def refuse_other_servers(folder: Path) -> None:
    """Refuse W&B's settings in a folder where they could lead it to another server, which would get the user's key.

    They may have come in an archive of a run. A server of one's own is set where no archive reaches.

    Raises:
        UserError: naming the file and the setting.
    """
    for file in (folder / "wandb" / "settings", folder / ".wandb" / "settings"):
        if not file.exists():
            continue
        text = read_regular(file, LARGEST_SETTINGS).decode(errors="replace")
        lines = (line.strip() for line in text.replace("\r", "\n").splitlines())
        for line in lines:
            key = line.replace(":", "=").partition("=")[0].strip()
            if line and line[0] not in "[#;" and key not in HARMLESS_SETTINGS:
                raise UserError(
                    f"logger=wandb: {file} has {key}, and whoever wrote that may lead W&B elsewhere: remove the line; "
                    "WANDB_BASE_URL in the environment, or wandb login, names a server of your own"
                )
