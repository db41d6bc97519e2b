"""Two processes against one: `python -m benchmarks.processes`. Images a second in total, each process with one thread.

Whole runs, in turns, so that whatever else the machine does hits both alike; the median of their logging points.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROUNDS = 3
BATCHES = 120
OPTIONS = (
    *("trainer.accelerator=cpu", "trainer.enable_progress_bar=false", f"trainer.max_steps={BATCHES}"),
    *("trainer.log_every_n_steps=10", "callbacks.scores=null", "callbacks.health=null", "data.download=false"),
)
CASES = {
    "dcgan": ("model=dcgan",),
    "wgan_gp": ("model=wgan_gp",),
    "vanilla": ("model=vanilla", f"trainer.max_steps={20 * BATCHES}", "trainer.log_every_n_steps=200"),
}


def images_per_second(*overrides: str) -> float:
    """Of one run; its first logging point, when everything is still cold, doesn't count."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "train.py", *OPTIONS, *overrides, f"hydra.run.dir={folder}/run"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        with Path(folder, "run", "metrics.csv").open() as file:
            return median([float(row["images_per_second"]) for row in csv.DictReader(file)][1:])


def main() -> None:
    """Print a line for each case."""
    for name, overrides in CASES.items():
        found = [
            tuple(images_per_second(*overrides, f"trainer.devices={count}") for count in (1, 2)) for _ in range(ROUNDS)
        ]
        ratios = sorted(two / one for one, two in found)
        print(
            f"{name:<10} one {median(one for one, _ in found):8,.0f}  two {median(two for _, two in found):8,.0f}  ",
            end="",
        )
        print(f"ratio {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


if __name__ == "__main__":
    main()
