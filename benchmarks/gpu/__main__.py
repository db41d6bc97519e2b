"""All tables of a card, one after the other.

    python -m benchmarks.gpu --seconds 800
    python -m benchmarks.gpu --parts training --seconds 1500 --data data --emoji emoji/noto

Markdown is printed as it becomes known. The parts share the time: each gets a part of what is left when it begins, and
a row that has begun is finished. What takes turns does so in short rounds in one process; numbers are medians, ratios
are taken round by round. What fails is said in its row, with the details on standard error.
"""

import argparse
import logging
import warnings
from collections.abc import Callable

import torch

from benchmarks.gpu import choices, flops, memory, precisions, scores, steps, training
from benchmarks.gpu.device import DEVICES
from benchmarks.gpu.tables import Bench, Table, measured
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
    for line in measured([PARTS[part](bench) for part in given.parts], given.seconds, bench.device):
        print(line, flush=True)


if __name__ == "__main__":
    main()
