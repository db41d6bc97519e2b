"""Images a second in every precision, compiled and not, on the best device there is.

    python -m benchmarks.precisions                            # every variant: on a GPU the whole table
    python -m benchmarks.precisions --models dcgan,r3gan --options fp32,bf16 --batches 20 --rounds 5

A variant is trained in each way in turn, a short round each, several times over; every number is a median, and ratios
are taken round by round to float32 as it is written. fp32 has TensorFloat32 off everywhere; all others have it on, in
convolutions, where it is torch's default, and in matrix products, `trainer.matmul_precision=high`.
"""

import argparse
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Literal

import lightning
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import Callback
from omegaconf import open_dict

from gan_lab.config.schema import build
from gan_lab.data.two_sided import TwoSidedDataModule
from gan_lab.models.cuda_graphs import WARM_UP
from gan_lab.utils import hardware
from gan_lab.utils.batches import LabelledImages

CONF = Path(__file__).parent.parent / "conf"
MODELS = (
    *("vanilla", "dcgan", "wgan", "wgan_gp", "cgan", "acgan", "infogan", "r3gan", "stylegan2"),
    *("cyclegan", "pix2pix", "cut"),
)

WIDTHS = {"width", "max_width", "w_dim", "channel_base", "channel_max"}  # of all networks, by what they call it
Tf32 = Literal["nowhere", "convolutions", "everywhere"]  # everywhere: in matrix products too


@dataclass(frozen=True)
class Option:
    """A way to compute.

    Args:
        name: as the table calls it.
        precision: of the trainer.
        tf32: where float32 may be TensorFloat32.
        needs_cuda: where it makes no sense elsewhere.
        compiled: whether networks are compiled.
        graphs: whether steps are replayed as CUDA graphs.
        channels_last: whether the networks' weights, and with them all feature maps, are kept in that layout.
        tried_kernels: whether cuDNN tries its kernels and takes the fastest (torch.backends.cudnn.benchmark).
    """

    name: str
    precision: str
    tf32: Tf32 = "nowhere"
    needs_cuda: bool = False
    compiled: bool = False
    graphs: bool = False
    channels_last: bool = False
    tried_kernels: bool = False


PRECISIONS = (
    Option("fp32", "32-true"),
    Option("tf32", "32-true", tf32="everywhere", needs_cuda=True),
    Option("bf16", "bf16-mixed", tf32="everywhere"),
    Option("fp16", "16-mixed", tf32="everywhere", needs_cuda=True),
)
OPTIONS = tuple(
    Option(option.name + compiled * " compiled", option.precision, option.tf32, option.needs_cuda, compiled)
    for option in PRECISIONS
    for compiled in (False, True)
)


class Clock(Callback):
    """Seconds for the batches of a fit after the first few, waiting for the device at both ends only."""

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up
        self.start = self.seconds = 0.0

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Note the time where the counted batches begin and end."""
        batch = trainer.global_step
        if batch in (self.warm_up, trainer.fit_loop.epoch_loop.max_steps):
            if trainer.strategy.root_device.type == "cuda":
                torch.cuda.synchronize()
            now = perf_counter()
            self.seconds, self.start = now - self.start, now


@contextmanager
def convolutions(tf32: bool, tried_kernels: bool = False) -> Iterator[None]:
    """CUDA's convolutions in TensorFloat32 or not, by the kernels that are fastest here or that cuDNN expects to be."""
    flags = torch.backends.cudnn
    before = flags.allow_tf32, flags.benchmark
    flags.allow_tf32, flags.benchmark = tf32, tried_kernels
    try:
        yield
    finally:
        flags.allow_tf32, flags.benchmark = before


class Training:
    """A variant that is trained in one way, a round at a time, on random images.

    Args:
        model: the variant; None leaves it to a recipe among the overrides.
        option: the way.
        overrides: of the configuration.
        images: to train on, of each side where there are two.
        width: of the networks, at most, to try things out; None leaves them as they are.
    """

    def __init__(
        self,
        model: str | None,
        option: Option,
        overrides: Sequence[str],
        images: int = 10_000,
        width: int | None = None,
    ) -> None:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            computing = [
                f"trainer.precision={option.precision}",
                f"trainer.matmul_precision={'high' if option.tf32 == 'everywhere' else 'highest'}",
                f"trainer.compile={str(option.compiled).lower()}",
                f"trainer.cuda_graphs={str(option.graphs).lower()}",
            ]
            self.config = compose("train", [*([f"model={model}"] if model else []), *computing, *overrides])
        with open_dict(self.config):
            self.config.run_dir = tempfile.gettempdir()  # nothing is written
        for player in self.config.model.network.values() if width else ():
            player.update(dict.fromkeys(WIDTHS & player.keys(), width))
        self.option = option
        torch.manual_seed(0)
        self.data, self.model = build(self.config.data), build(self.config.model)
        if option.channels_last:
            self.model.to(memory_format=torch.channels_last)
        self.data.prepare_data = lambda: None  # nothing to fetch
        two_sided = isinstance(self.data, TwoSidedDataModule)
        last = self.random_images(images, self.data.channels)
        first = self.random_images(images, self.data.source_channels) if two_sided else last
        self.split: Any = (first, last) if two_sided else last
        self.images_per_batch: int = self.config.data.batch_size * self.model.images_per_place
        self.period: int = max(
            turn.cycle * turn.every for turn in self.model.turns()
        )  # batches until all players moved
        self.warm_up = (WARM_UP + 1) * self.period + 2 if option.graphs else self.period + 1

    def random_images(self, count: int, channels: int) -> LabelledImages:
        """Images of the data's form."""
        shape = (count, channels, *self.data.image_size)
        return LabelledImages(torch.randint(0, 256, shape, dtype=torch.uint8), torch.randint(0, 10, (count,)))

    def round(self, batches: int) -> float:
        """Images a second; what is compiled was so in the first round."""
        # First every kind of step must have come up; graphs are captured anew in each fit.
        clock = Clock(self.warm_up)
        quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "logger": False}
        trainer = build(self.config.trainer, callbacks=[clock], **quiet, max_steps=self.warm_up + batches)
        self.data.splits["train"] = trainer.strategy.batch_to_device(self.split)  # where a run keeps its images
        with convolutions(self.option.tf32 != "nowhere", self.option.tried_kernels):
            trainer.fit(self.model, self.data)
        self.model.graphs = None  # whose memory the next one's turn may need
        images: int = batches * self.images_per_batch
        return images / clock.seconds


def measure(
    model: str, options: Sequence[Option], batches: int, rounds: int, overrides: Sequence[str] = ()
) -> dict[str, tuple[float, float]]:
    """For each option the images a second, and how many times as many as of the first one."""
    torch._dynamo.config.recompile_limit = 64  # a program has one way to compute, not eight
    trainings = [Training(model, option, overrides) for option in options]
    for training in trainings:
        training.round(1)
    results = [[training.round(batches) for training in trainings] for _ in range(rounds)]
    return {
        option.name: (median(row[place] for row in results), median(row[place] / row[0] for row in results))
        for place, option in enumerate(options)
    }


def table(
    models: Sequence[str], options: Sequence[Option], batches: int, rounds: int, *overrides: str
) -> Iterator[str]:
    """Images a second and, in brackets, the ratio to the first option; a Markdown line each, as they become known."""
    yield f"| images/s (ratio to {options[0].name}) | " + " | ".join(option.name for option in options) + " |"
    yield "|---|" + "---:|" * len(options)
    for model in models:
        found = measure(model, options, batches, rounds, overrides).values()
        yield f"| {model} | " + " | ".join(f"{speed:,.0f} ({ratio:.2f})" for speed, ratio in found) + " |"


def report() -> list[str]:
    """What `make benchmark` shows of it: the default network."""
    options = [option for option in OPTIONS if not option.needs_cuda or torch.cuda.is_available()]
    return list(table(("dcgan",), options, batches=20, rounds=7))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [option.name for option in PRECISIONS]
    parser.add_argument("--models", default=",".join(MODELS), help="separated by commas (%(default)s)")
    parser.add_argument("--options", default=",".join(names), help="precisions; fp32 comes first (%(default)s)")
    parser.add_argument("--no-compile", action="store_true", help="leave the compiled ones out")
    parser.add_argument("--batches", type=int, default=50, help="a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="of each option (%(default)s)")
    parser.add_argument("overrides", nargs="*", help="of the configuration: data.batch_size=256, model/network=resnet")
    given = parser.parse_args()
    unknown = {*given.models.split(",")} - {*MODELS} | {*given.options.split(",")} - {*names}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    hardware.prepare()
    cuda = torch.cuda.is_available()
    chosen = [
        option
        for option in OPTIONS
        if option.name.split()[0] in {"fp32", *given.options.split(",")}
        and not (option.compiled and given.no_compile)
        and (cuda or not option.needs_cuda)
    ]
    where = torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} thread(s)"
    print(f"{where}, torch {torch.__version__}\n")
    for line in table(given.models.split(","), chosen, given.batches, given.rounds, *given.overrides):
        print(line, flush=True)


if __name__ == "__main__":
    main()
