"""All tables of a card, one after the other.

    python -m benchmarks.gpu --seconds 800
    python -m benchmarks.gpu --parts training --seconds 1500 --data data --emoji emoji/noto

Markdown is printed as it becomes known. The parts share the time: each gets a part of what is left when it begins, and
a row that has begun is finished. What takes turns does so in short rounds in one process; numbers are medians, ratios
are taken round by round. What fails is said in its row, with the details on standard error. Several parts have a
process each: one that crashes, or hangs, leaves the others alone.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from time import perf_counter

import torch

from benchmarks.gpu import choices, flops, memory, precisions, scores, steps, training
from benchmarks.gpu.device import DEVICES
from benchmarks.gpu.tables import LATE, Bench, Table, measured
from benchmarks.precisions import MODELS
from gan_lab.utils import hardware

PARTS: dict[str, Callable[[Bench], Table]] = {
    "steps": steps.table,
    "choices": choices.table,
    "flops": flops.table,
    "scores": scores.table,
    "memory": memory.table,
    "precisions": precisions.table,
    "training": training.table,
}
WEIGHTS = {
    "steps": 4,
    "choices": 2,
    "flops": 2,
    "memory": 3,
    "precisions": 3,
    "training": 4,
}  # of a part's share of the time
GRACE = 120  # seconds for what comes before the first row, and for the rest of the last one


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS], help="in the order given (all)")
    parser.add_argument("--seconds", type=float, default=800, help="of all parts together (%(default)s)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, help="of steps and precisions (all)")
    parser.add_argument("--round", type=float, default=0.5, help="seconds of a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="that count (%(default)s)")
    parser.add_argument("--data", default="data", help="the folder of MNIST, for training (%(default)s)")
    parser.add_argument("--emoji", help="a folder of emoji's pictures, for training; without it that row is left out")
    parser.add_argument("--minutes", type=float, default=8, help="of each training, at most (%(default)s)")
    parser.add_argument("--samples", type=int, default=50_000, help="to score (%(default)s)")
    parser.add_argument("--largest", type=int, default=1 << 20, help="batch that memory tries (%(default)s)")
    parser.add_argument("--peak-tflops", type=float, help="of the card in bfloat16, where it isn't known")
    parser.add_argument("--device", choices=DEVICES, default="cuda", help="cpu tries the tables out (%(default)s)")
    parser.add_argument("--width", type=int, help="of all networks, to try the tables out; else their own")
    parser.add_argument("--overrides", nargs="*", default=[], help="of every configuration: data.batch_size=8")
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device; --device cpu tries the tables out")
    if len(given.parts) > 1:
        apart(given.parts, given.seconds, sys.argv[1:] if arguments is None else arguments)
        return
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    hardware.prepare()
    bench = Bench(
        device=DEVICES[given.device](),
        models=tuple(given.models),
        seconds=given.round,
        rounds=given.rounds,
        width=given.width,
        overrides=tuple(given.overrides),
        data=given.data,
        emoji=given.emoji,
        minutes=given.minutes,
        samples=given.samples,
        largest=given.largest,
        peak=given.peak_tflops,
    )
    print(f"{bench.device.name}, torch {torch.__version__}", flush=True)
    for line in measured(PARTS[given.parts[0]](bench), given.seconds, bench.device):
        print(line, flush=True)


def apart(parts: Sequence[str], seconds: float, arguments: Sequence[str]) -> None:
    """Measure each part in a process of its own. What one of them spares of the time is the next ones'."""
    end = perf_counter() + seconds
    for number, part in enumerate(parts):
        weights = [WEIGHTS.get(each, 1) for each in parts[number:]]
        share = (end - perf_counter()) * weights[0] / sum(weights)
        if share < 1:
            print(f"\n{part}: {LATE}", flush=True)
            continue
        command = [sys.executable, "-m", "benchmarks.gpu", *arguments, "--parts", part, "--seconds", f"{share:.0f}"]
        process = subprocess.Popen(command, start_new_session=True)  # with all that it starts itself
        try:
            said = f"ended with code {process.wait(share + GRACE)}"
        except subprocess.TimeoutExpired:
            said = f"was ended {GRACE} seconds after its time"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        if process.wait():
            print(f"\n{part} {said}", flush=True)


if __name__ == "__main__":
    main()
