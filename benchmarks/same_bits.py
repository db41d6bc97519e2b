"""Train every variant for a few batches in two checkouts, and compare all tensors that training leaves, bit by bit.

    python -m benchmarks.same_bits OTHER_CHECKOUT [--data FOLDER]

Both run with this Python, on the CPU, with one thread, from the same seed. A change that only moves or renames code
leaves no difference.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

VARIANTS = ("vanilla", "dcgan", "wgan", "wgan_gp", "cgan", "cyclegan", "r3gan")
BATCHES = 30
HERE = Path(__file__).parents[1]
RENAMED = {"average.network.": "generator_ema.network.", "average.": "generator_ema."}  # older names of tensors


def tensors(checkout: Path, variant: str, data: str, folder: Path) -> dict[str, Tensor]:
    """Weights, buffers, moving average and optimizer states after a training, by name."""
    command = [sys.executable, "train.py", f"model={variant}", f"data.root={data}", f"hydra.run.dir={folder}"]
    command += [f"trainer.max_steps={BATCHES}", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false"]
    scores = "quality" if (checkout / "gan_lab/callbacks/quality.py").exists() else "scores"  # its name in 0.1
    command += [f"callbacks.{name}=null" for name in (scores, "samples", "health")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(checkout)}
    subprocess.run(command, cwd=checkout, env=environment, check=True, stdout=subprocess.DEVNULL)
    checkpoint: dict[str, Any] = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    found = {renamed(name): value for name, value in checkpoint["state_dict"].items() if isinstance(value, Tensor)}
    for player, optimizer in enumerate(checkpoint["optimizer_states"]):
        for parameter, state in optimizer["state"].items():
            found |= {f"optimizer.{player}.{parameter}.{name}": torch.as_tensor(it) for name, it in state.items()}
    return found


def renamed(name: str) -> str:
    """The name that a tensor has today."""
    for old, new in RENAMED.items():
        if name.startswith(old):
            return name.replace(old, new, 1)
    return name


def main() -> None:
    """Print a line for each variant, and exit with 1 if any tensor differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="a checkout of another commit")
    parser.add_argument("--data", default="data", help="folder of MNIST (data)")
    parser.add_argument("--variants", nargs="+", default=VARIANTS, help="to train (all)")
    arguments = parser.parse_args()
    differing = 0
    for variant in arguments.variants:
        with TemporaryDirectory() as place:
            data = str(Path(arguments.data).absolute())
            old = tensors(arguments.other.absolute(), variant, data, Path(place, "old"))
            new = tensors(HERE, variant, data, Path(place, "new"))
        names = old.keys() | new.keys()
        same = {name for name in old.keys() & new.keys() if torch.equal(old[name], new[name])}
        wrong = sorted(names - same)
        values = sum(value.numel() for value in new.values())
        print(f"{variant:10} {len(names):4} tensors, {values:,} values: {len(wrong)} differ", *wrong[:3], flush=True)
        differing += len(wrong)
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
