"""Layout of a run folder: the name of every file and folder in it.

.hydra/config.yaml          the composed configuration; paths in it follow the folder when the folder is moved
.hydra/config.yaml.seal     says that this user's program wrote it, so that it may name the user's own classes
.hydra/overrides.yaml, hydra.yaml   Hydra's notes of how the run began
checkpoints/last.ckpt       everything that a resumed run needs; tensors and plain values only
checkpoints/previous.ckpt   the last checkpoint before that, should that be damaged
checkpoints/best.ckpt       the state with the best score while training
checkpoints/damaged.ckpt    a last checkpoint that was found damaged
samples/                    grids of generated images, named by images seen
events.out.tfevents.*       TensorBoard's; in tensorboard/ where a run began before they lay here
metrics.csv, train.log
wandb/                      what W&B keeps of the run, with that logger
evaluations/                scores of later evaluations, <protocol>.json
run.json                    status, versions, data source, seed, timing, scores
crash.txt, crash_<rank>.txt tracebacks of what nobody expected
.lock                       held by whoever trains the run
"""

import re
from pathlib import Path

RECORD = "run.json"
SWEEP_RECORD = "sweep.json"  # in the folder that holds a sweep's runs
HYDRA = ".hydra"
LATEST = "latest"  # stands for the run that started last
EVENTS = "events.out.tfevents."  # the beginning of the name of each of TensorBoard's files
PREVIOUS_CHECKPOINT = "previous.ckpt"  # beside the last one, wherever that is


def run_name(name: str) -> str:
    """Check a name for a run's folder.

    Raises:
        ValueError: it can't name a folder everywhere, or stands for another run.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.,=+@ -]{0,99}", name, re.ASCII) or name[-1] in ". " or name == LATEST:
        raise ValueError(
            "a name for a folder: at most 100 letters, digits and _ . , = + @ -, first a letter or a digit; not latest"
        )
    return name


def job_number(name: str) -> str:
    """The number that the name of a sweep's job begins with: "0" of "0_seed=1", or "0_2"; else the whole name."""
    found = re.fullmatch(r"(\d+(?:_\d+)?)(?:_[^\d].*)?", name)
    return found[1] if found else name


class RunLayout:
    """Paths of one run's folder.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.config_file = self.folder / HYDRA / "config.yaml"
        self.overrides_file = self.config_file.with_name("overrides.yaml")
        self.hydra_file = self.config_file.with_name("hydra.yaml")
        self.checkpoint = self.folder / "checkpoints" / "last.ckpt"
        self.previous = self.checkpoint.with_name(PREVIOUS_CHECKPOINT)
        self.best = self.checkpoint.with_name("best.ckpt")
        self.damaged = self.checkpoint.with_name("damaged.ckpt")
        self.samples = self.folder / "samples"
        older = self.folder / "tensorboard"
        self.tensorboard = older if older.is_dir() else self.folder  # by whose name TensorBoard calls the run
        self.wandb = self.folder / "wandb"
        self.metrics_file = self.folder / "metrics.csv"
        self.evaluations = self.folder / "evaluations"
        self.record_file = self.folder / RECORD
        self.log_file = self.folder / "train.log"
        self.lock_file = self.folder / ".lock"

    @property
    def looks_like_run(self) -> bool:
        """True of a run's folder, also where half of it is missing."""
        return self.record_file.is_file() or self.config_file.parent.is_dir()

    def crash_file(self, rank: int | None = None) -> Path:
        """The file for the traceback of the process that writes the record, or of another one, by its rank."""
        return self.folder / ("crash.txt" if rank is None else f"crash_{rank}.txt")
