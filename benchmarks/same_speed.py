"""A step's time in this checkout over that in another one: `python -m benchmarks.same_speed OTHER_CHECKOUT`.

Each checkout trains in a process of its own, with this Python, on one thread. They take turns, a short round each, and
count processor time, which other programs on the machine disturb less than the clock. A number is the median of the
rounds' ratios, with their range.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import IO, cast

VARIANTS = ("vanilla", "dcgan", "wgan", "wgan_gp", "cgan", "r3gan", "cyclegan")
BATCHES = {"vanilla": 300, "r3gan": 6, "cyclegan": 6}
HERE = Path(__file__).parents[1]
# What a process does with a checkout, old ones included: a round for each line that it reads.
ROUNDS = """
import logging, sys, time, warnings
warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
from benchmarks import precisions
precisions.perf_counter = time.process_time
data = ["data=mnist_colors"] if sys.argv[1] == "cyclegan" else []
training = precisions.Training(sys.argv[1], precisions.Option("fp32", "32-true"), data)
for line in sys.stdin:
    print("images/s:", training.round(int(line)), flush=True)
"""


class Checkout:
    """A variant in training in a checkout.

    Args:
        folder: the checkout.
        variant: value of model=.
    """

    def __init__(self, folder: Path, variant: str) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", ROUNDS, variant],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def round(self, batches: int) -> float:
        """Images a second of processor time.

        Raises:
            ChildProcessError: the checkout can't train; it has said why.
        """
        to, of = cast(IO[str], self.process.stdin), cast(IO[str], self.process.stdout)
        to.write(f"{batches}\n")
        to.flush()
        for line in of:
            if line.startswith("images/s:"):
                return float(line.split()[1])
        raise ChildProcessError("a checkout has no rate to give")

    def close(self) -> None:
        """End the training."""
        self.process.communicate()


def ratios(other: Path, variant: str, rounds: int) -> list[float]:
    """The ratios of a step's times, this checkout's over the other's, in order of size."""
    batches = BATCHES.get(variant, 30)
    here, there = Checkout(HERE, variant), Checkout(other, variant)
    try:
        for checkout in (here, there):
            checkout.round(batches)
        return sorted(there.round(batches) / here.round(batches) for _ in range(rounds))
    finally:
        here.close()
        there.close()


def main() -> None:
    """Print a line for each variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="a checkout of another commit")
    parser.add_argument("--variants", nargs="+", default=VARIANTS, help="to train (all)")
    parser.add_argument("--rounds", type=int, default=9, help="that count (%(default)s)")
    arguments = parser.parse_args()
    print("| model | step time over that of the other checkout |\n|---|---:|")
    for variant in arguments.variants:
        found = ratios(arguments.other.absolute(), variant, arguments.rounds)
        print(f"| {variant} | {median(found):.3f} ({found[0]:.3f} to {found[-1]:.3f}) |", flush=True)


if __name__ == "__main__":
    main()
