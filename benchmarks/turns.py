"""Costs and savings of options of the step: penalties, augmentation, parts. `python -m benchmarks.turns`."""

import logging
import subprocess
import sys
import warnings
from collections.abc import Sequence
from statistics import median

from benchmarks.gpu.device import peak_of_process
from benchmarks.precisions import Option, Training
from gan_lab.utils import hardware

PLAIN = Option("fp32", "32-true")
BATCHES, ROUNDS = 16, 9  # a round has one lazy turn of 16
# Name, model, what both sides have, what one side has in addition, and the ratio of times that is promised.
TIMES: tuple[tuple[str, str, list[str], str, float | None], ...] = (
    ("r1 and r2 on every 16th batch", "r3gan", ["model/network=resnet", "data.batch_size=32"], "r1.every=16", 0.65),
    ("penalties in bfloat16", "r3gan", ["model/network=resnet"], "trainer.penalty_precision=bf16-mixed", None),
    ("diffaugment", "dcgan", [], "model/augment=diffaugment", 1.10),
    ("ada", "dcgan", [], "model/augment=ada", None),
)
# Images a batch are many, so that what a step keeps for its gradients outweighs everything else.
MEMORY = ("dcgan", ["model/network=dcgan_transposed", "data.batch_size=256"])
PARTS = 4
PROMISED_MEMORY = 0.60


def time_ratio(model: str, shared: Sequence[str], option: str) -> float:
    """The median ratio of a round's time with the option to a round's without, in turn."""
    named = f"model.penalty.{option}" if option.startswith("r1.") else option
    plain, changed = (Training(model, PLAIN, [*shared, *more]) for more in ([], [named]))
    for training in (plain, changed):
        training.round(1)
    return median(plain.round(BATCHES) / changed.round(BATCHES) for _ in range(ROUNDS))


def memory_ratio() -> float:
    """Bytes that a step adds to a process, in parts over at once; a process for each."""
    one, several = (
        int(
            subprocess.run(
                [sys.executable, "-m", "benchmarks.turns", str(parts)], capture_output=True, check=True
            ).stdout
        )
        for parts in (1, PARTS)
    )
    return several / one


def bytes_of_a_step(parts: int) -> int:
    """The most memory that this process has had while it trained, beyond that which it had before."""
    model, shared = MEMORY
    training = Training(model, PLAIN, [*shared, f"trainer.accumulate_grad_batches={parts}"])
    before = peak_of_process()
    training.round(2)
    return peak_of_process() - before


def report() -> list[str]:
    """The table, a Markdown line each."""
    lines = ["| option | model | ratio to the same without | promised |", "|---|---|---:|---:|"]
    for name, model, shared, option, limit in TIMES:
        promise = f"<= {limit:.2f}" if limit else ""
        lines.append(f"| {name}, time | {model} | {time_ratio(model, shared, option):.2f} | {promise} |")
    model, _ = MEMORY
    lines.append(f"| {PARTS} parts, memory of a step | {model} | {memory_ratio():.2f} | <= {PROMISED_MEMORY:.2f} |")
    return lines


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    hardware.prepare()
    print(bytes_of_a_step(int(sys.argv[1])) if sys.argv[1:] else "\n".join(report()))
