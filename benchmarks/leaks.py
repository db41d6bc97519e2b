"""Do digits come out mirrored or turned? `python -m benchmarks.leaks RUN_FOLDER...`.

A change that the discriminator sees must not leak into what the generator draws (Karras et al. 2020, section 2.2,
arXiv:2006.06676). For runs on data=mnist or mnist_full: a classifier learns from the training digits, as they are,
mirrored, and turned by quarters, which of these an image is. Some digits are the same either way, so the share that it
reads as mirrored or turned among samples counts beside that among test digits.
"""

import sys
from collections.abc import Iterator

import torch
from torch import Tensor

from gan_lab.config.command_line import readable_errors
from gan_lab.config.schema import build
from gan_lab.evaluation.sampling import prepare
from gan_lab.runs.run import Run
from gan_lab.usefulness import learner
from gan_lab.usefulness.learner import Recipe

WAYS = ("as they are", "mirrored", "a quarter left", "upside down", "a quarter right")
RECIPE = Recipe(steps=3000, batch_size=64)
SAMPLES = 10_000


def turned(images: Tensor) -> tuple[Tensor, Tensor]:
    """Square images (n, channels, side, side) in every way, (5 n, ...), and the number of each one's way, (5 n,)."""
    ways = [images, images.flip(-1), *(torch.rot90(images, quarters, (-2, -1)) for quarters in (1, 2, 3))]
    return torch.cat(ways), torch.arange(len(WAYS)).repeat_interleave(len(images))


def shares(read: Tensor) -> list[float]:
    """The share of each way among labels (n,)."""
    return (torch.bincount(read, minlength=len(WAYS)).double() / len(read)).tolist()


def rows(folders: list[str]) -> Iterator[str]:
    """The table, a Markdown line each."""
    config = Run.open(folders[0]).config().data
    config.update(train_count=None, validation_count=0)  # all training digits, however few the run had
    data = build(config)
    data.prepare_data()
    for stage in ("fit", "test"):
        data.setup(stage)
    images, ways = turned(data.splits["train"][0])
    model = learner.train(images, ways, RECIPE, num_classes=len(WAYS), seed=0, device=torch.device("cpu"))

    def read(pixels: Tensor) -> Tensor:
        return learner.probabilities(model, learner.unit(pixels)).argmax(1)

    test, truth = turned(data.splits["test"][0])
    yield f"{float((read(test) == truth).double().mean()):.1%} of turned test digits are read right."
    yield ""
    yield "| read as | " + " | ".join(WAYS) + " |"
    yield "|---|" + "---:|" * len(WAYS)
    yield line("test digits", read(data.splits["test"][0]))
    for folder in folders:
        run = Run.open(folder)
        drawing = prepare(run, which="last", count=SAMPLES, of_class=None, seed=0, ema=True, device="cpu")
        yield line(run.folder.name, torch.cat([read(pixels) for pixels in drawing.pixels()]))


def line(name: str, read: Tensor) -> str:
    """A row of the table."""
    return f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares(read)) + " |"


if __name__ == "__main__":
    with readable_errors():
        for text in rows(sys.argv[1:]):
            print(text, flush=True)
