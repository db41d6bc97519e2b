"""What the defaults were chosen by: memory layout, threads, allocator, each against the plain hand-written loop."""

import subprocess
import sys
from statistics import median
from time import perf_counter

import torch

from benchmarks.hand_written import gan
from gan_lab.networks import dcgan_small
from gan_lab.utils import hardware

BATCH_SIZE, BLOCK, PAIRS = 64, 10, 20


def fresh_step(channels_last: bool = False) -> object:
    """A new small DCGAN and the step that trains it."""
    return gan(
        dcgan_small.Generator(latent_dim=100, width=32, image_size=28, channels=1),
        dcgan_small.Discriminator(width=32, norm="batch", image_size=28, channels=1),
        torch.randint(0, 256, (4500, 1, 28, 28), dtype=torch.uint8),
        BATCH_SIZE,
        channels_last,
    )


def seconds(step: object, count: int = BLOCK) -> float:
    """How long so many steps take, each."""
    start = perf_counter()
    for _ in range(count):
        step()  # type: ignore[operator]
    return (perf_counter() - start) / count


def layout_ratio() -> float:
    """channels_last over the default layout."""
    plain, last = fresh_step(), fresh_step(channels_last=True)
    seconds(plain), seconds(last)
    return median(seconds(last) / seconds(plain) for _ in range(PAIRS))


def threads_ratio() -> float:
    """All cores over one core."""
    step, cores = fresh_step(), torch.get_num_threads()
    ratios = []
    for _ in range(PAIRS):
        torch.set_num_threads(1)
        one = seconds(step)
        torch.set_num_threads(cores)
        ratios.append(seconds(step) / one)
    return median(ratios)


def allocator_ratio() -> float:
    """Keeping freed memory over giving it back, in processes of their own, in turn."""
    ratios = []
    for _ in range(5):
        kept, given_back = (
            float(subprocess.run([sys.executable, "-m", __name__, mode], capture_output=True, check=True).stdout)
            for mode in ("keep", "default")
        )
        ratios.append(kept / given_back)
    return median(ratios)


def report() -> list[str]:
    """The table, a Markdown line each."""
    return [
        "| choice, for dcgan_small at batch 64 | step time against the alternative |",
        "|---|---:|",
        f"| channels_last instead of the default layout | {layout_ratio():.2f} |",
        f"| {torch.get_num_threads()} threads instead of 1 | {threads_ratio():.2f} |",
        f"| freed memory kept in the process instead of given back | {allocator_ratio():.2f} |",
    ]


if __name__ == "__main__":
    if sys.argv[1] == "keep":
        hardware.keep_freed_memory()
    own = fresh_step()
    seconds(own)
    print(median(seconds(own) for _ in range(6)))
