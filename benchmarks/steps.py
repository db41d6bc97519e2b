"""A training step of this project against a hand-written loop, block by block in one process."""

import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import lightning
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import Callback
from omegaconf import open_dict
from torch import Tensor

from benchmarks import hand_written
from gan_lab.config.schema import build
from gan_lab.training.build import wanted_callbacks
from gan_lab.utils.batches import LabelledImages

CONF = Path(__file__).parent.parent / "conf"
WARM_UP = 2  # pairs of blocks that don't count


@dataclass(frozen=True)
class Case:
    """A model, the images a batch, batches a block, and how many pairs of blocks are measured."""

    model: str
    network: str
    batch_size: int
    block: int
    pairs: int
    limit: float | None  # the ratio that this project promises
    joined: bool = False  # True where the hand-written loop, too, has one forward for both kinds


CASES = (
    Case("vanilla", "mlp", batch_size=64, block=50, pairs=30, limit=1.10),
    Case("vanilla", "mlp", batch_size=64, block=50, pairs=30, limit=None, joined=True),
    Case("dcgan", "dcgan_small", batch_size=64, block=10, pairs=40, limit=1.03),
    Case("dcgan", "dcgan_upsample", batch_size=128, block=2, pairs=16, limit=1.03),
    Case("dcgan", "dcgan_transposed", batch_size=128, block=2, pairs=12, limit=1.03),
    Case("wgan", "dcgan_small", batch_size=64, block=10, pairs=40, limit=1.05),
    Case("wgan_gp", "dcgan_small", batch_size=64, block=10, pairs=30, limit=1.05),
    Case("cgan", "dcgan_small", batch_size=64, block=10, pairs=40, limit=1.05),
    Case("r3gan", "resnet", batch_size=64, block=2, pairs=16, limit=1.05),
    Case("cyclegan", "resnet_patchgan_small", batch_size=16, block=2, pairs=16, limit=1.05),
)


class Interleave(Callback):
    """After each block of training batches, runs as many of the hand-written loop and notes both times."""

    def __init__(self, step: Callable[[], None], block: int, pairs: int) -> None:
        self.step = step
        self.block = block
        self.pairs = pairs
        self.times: list[tuple[float, float]] = []
        self.start = 0.0

    def on_train_start(self, *_: Any) -> None:
        """Start the first block."""
        self.start = perf_counter()

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        """At the end of a block, let the other loop have its turn."""
        if trainer.global_step % self.block:
            return
        between = perf_counter()
        for _ in range(self.block):
            self.step()
        end = perf_counter()
        self.times.append(((between - self.start) / self.block, (end - between) / self.block))
        if len(self.times) == self.pairs + WARM_UP:
            trainer.should_stop = True
        self.start = perf_counter()


def measure(case: Case) -> tuple[float, float, float]:
    """Median seconds of a step here, of a step of the loop, and the median of their ratios pair by pair."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(
            "train",
            [
                f"model={case.model}",
                f"model/network={case.network}",
                f"data.batch_size={case.batch_size}",
                "trainer.accelerator=cpu",
                "trainer.max_steps=-1",
                "trainer.max_epochs=-1",
                "callbacks.scores=null",  # what scores cost is another table
            ],
        )
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        with open_dict(config):
            config.run_dir = folder
        data, model = build(config.data), build(config.model)
        # As many images as MNIST has, so that epochs, and with them checkpoints, are as long as in a real run.
        shape = (60_000, data.channels, *data.image_size)
        images = torch.randint(0, 256, shape, dtype=torch.uint8)
        labels = torch.randint(0, 10, (60_000,))
        one_domain = LabelledImages(images, labels)
        data.splits["train"] = (one_domain, one_domain) if case.model == "cyclegan" else one_domain
        data.prepare_data = lambda: None  # nothing to fetch
        step = by_hand(case, deepcopy(model.generator), deepcopy(model.discriminator), images, labels)
        watch = Interleave(step, case.block, case.pairs)
        loggers = [build(node) for node in config.logger.values()]
        trainer = build(config.trainer, callbacks=[*wanted_callbacks(config), watch], logger=loggers)
        trainer.fit(model, data)
    counted = watch.times[WARM_UP:]
    return (
        median(ours for ours, _ in counted),
        median(theirs for _, theirs in counted),
        median(ours / theirs for ours, theirs in counted),
    )


def by_hand(case: Case, generator: Any, discriminator: Any, images: Tensor, labels: Tensor) -> Callable[[], None]:
    """The hand-written loop that does the same work with the same networks."""
    if case.model == "cyclegan":
        discriminators = discriminator.a, discriminator.b
        return hand_written.cyclegan(generator.a2b, generator.b2a, discriminators, [images, images], case.batch_size)
    if case.model == "cgan":
        return hand_written.cgan(generator, discriminator, images, labels, case.batch_size)
    if case.model == "r3gan":
        return hand_written.r3gan(generator, discriminator, images, case.batch_size)
    if case.model.startswith("wgan"):
        penalty = 10.0 if case.model == "wgan_gp" else None
        return hand_written.wgan(generator, discriminator, images, case.batch_size, penalty)
    return hand_written.gan(generator, discriminator, images, case.batch_size, joined=case.joined)


def report() -> list[str]:
    """The table, a Markdown line each."""
    lines = [
        "| model | network | batch | gan_lab, ms a step | hand-written, ms a step | ratio | promised |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for case in CASES:
        ours, theirs, ratio = measure(case)
        name = f"{case.network}, joined forwards in both" if case.joined else case.network
        promise = f"<= {case.limit:.2f}" if case.limit else ""
        times = f"{ours * 1e3:.2f} | {theirs * 1e3:.2f} | {ratio:.3f}"
        lines.append(f"| {case.model} | {name} | {case.batch_size} | {times} | {promise} |")
    return lines
