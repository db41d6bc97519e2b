"""`make benchmark`: the tables of docs/performance.md, on a quiet machine in some ten minutes."""

import logging
import platform
import warnings

import torch

from benchmarks import choices, health, loading, precisions, quality, steps, turns
from gan_lab.utils import hardware


def main() -> None:
    """Measure and print."""
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("gan_lab").setLevel(logging.ERROR)
    hardware.prepare()
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    for part in (steps, turns, quality, health, loading, choices, precisions):
        print("\n".join(part.report()), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
