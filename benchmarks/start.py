"""The cost of starting: `python -m benchmarks.start FOLDER`, with MNIST's files below the folder.

Both sides train a small DCGAN for a batch and end: `train.py`, without scores, and
`benchmarks/hand_written_program.py`. They take turns. Processor time is counted, of all their threads and children, so
that other programs matter less.
"""

import argparse
import gzip
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

TRAIN = str(Path(__file__).parent.parent / "train.py")


def processor_seconds(*command: str) -> float:
    """Seconds of processors that a program takes, with OMP_NUM_THREADS=1 and its modules compiled."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *command],
        check=True,
        env=environment | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path, help="folder with MNIST/raw/*.gz")
    parser.add_argument("--rounds", type=int, default=5, help="how many (5)")
    parsed = parser.parse_args()
    with TemporaryDirectory() as place:
        raw = Path(place) / "data/MNIST/raw"
        raw.mkdir(parents=True)
        for packed in (parsed.root / "MNIST/raw").glob("*.gz"):  # torchvision would compare sums, and download
            (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))

        def both(number: int) -> tuple[float, float]:
            ours = ("model=dcgan", "trainer.max_steps=1", "trainer.accelerator=cpu", "callbacks.scores=null")
            theirs = ("-m", "benchmarks.hand_written_program", "batches=1", "hydra.job.chdir=true")
            return (
                processor_seconds(TRAIN, *ours, f"data.root={place}/data", f"hydra.run.dir={place}/ours_{number}"),
                processor_seconds(*theirs, f"root={place}/data", f"hydra.run.dir={place}/theirs_{number}"),
            )

        both(0)  # when modules are compiled, and files read for the first time
        found = [both(number) for number in range(1, parsed.rounds + 1)]
    ratios = sorted(ours / theirs for ours, theirs in found)
    print("| gan_lab, s | hand-written, s | ratio |\n|---:|---:|---:|")
    print(f"| {median(ours for ours, _ in found):.1f} | {median(theirs for _, theirs in found):.1f} |", end="")
    print(f" {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")


if __name__ == "__main__":
    main()
