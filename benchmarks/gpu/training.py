"""What some minutes of a card reach: recipes with as many batches as fit, so that their rates fall until the end."""

import json
import subprocess
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.gpu.tables import Bench, Table, batches_of
from benchmarks.precisions import CONF, Option

RESERVE = 0.85  # of the time: grids, health checks and scores of a run take the rest
TAIL = 0.1  # of the time, at most a minute, for what comes before and after the batches
TIMES = 20  # that a run is scored, looked at and saved: by images, a card would do nothing else
PRECISION = "bf16-mixed"


def recipes(bench: Bench) -> dict[str, list[str]]:
    """What is trained, by the recipe's name: further options."""
    digits = [f"data.root={bench.data}"]
    chosen = {"stacked_mnist": digits, "mnist_wgan_gp": digits}
    return chosen | ({"emoji_r3gan_resnet": [f"data.root={bench.emoji}"]} if bench.emoji else {})


def measure(bench: Bench, recipe: str, options: list[str], seconds: float) -> list[str]:
    """The row of a recipe: measure its speed, plan its batches, and train it as a user does."""
    allowed = min(60 * bench.minutes, seconds)
    begun = perf_counter()
    way = Option("", PRECISION, tf32="everywhere", graphs=bench.device.has_graphs)
    training = bench.training(None, way, f"experiment={recipe}", *options)
    rate = training.round(batches_of(training, bench.seconds))
    bench.device.free()
    left = allowed - (perf_counter() - begun)
    batches = max(1, int(RESERVE * (left - min(60, TAIL * left)) * rate / training.images_per_batch))
    folder = Path("logs/gpu").absolute() / f"{recipe}_{datetime.now():%Y-%m-%d_%H-%M-%S}"
    command = [
        *bench.configured(f"experiment={recipe}", *options),
        f"trainer.precision={PRECISION}",
        "trainer.matmul_precision=high",
    ]
    command += [f"trainer.max_steps={batches}", "trainer.enable_progress_bar=false", f"hydra.run.dir={folder}"]
    print("python train.py", *command, file=sys.stderr, flush=True)
    subprocess.run([sys.executable, str(CONF.parent / "train.py"), *command], check=True, stdout=sys.stderr)
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    values = record["scores"]["values"]
    scores = ", ".join(f"{name} {value:,.4g}" for name, value in values.items() if not name.endswith("_std"))
    times = f"{record['seconds'] / 60:.1f}", f"{(perf_counter() - begun) / 60:.1f}"
    return [f"{record['images_seen']:,}", *times, scores, f"`{folder.relative_to(Path.cwd())}`"]


def table(bench: Bench) -> Table:
    """A row for each recipe."""
    return Table(
        f"What {bench.minutes:g} minutes reach, in {PRECISION} with TensorFloat32, or as many as the budget leaves",
        ["recipe", "images", "minutes of training", "minutes in all", "scores", "folder"],
        {name: partial(measure, bench, name, more) for name, more in recipes(bench).items()},
    )
