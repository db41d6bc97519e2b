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
from typing import Any

import lightning
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import Callback
from omegaconf import open_dict

from gan_lab.config.schema import build
from gan_lab.utils import hardware
from gan_lab.utils.batches import LabelledImages

CONF = Path(__file__).parent.parent / "conf"
MODELS = ("vanilla", "dcgan", "wgan", "wgan_gp", "cgan", "r3gan", "cyclegan")


@dataclass(frozen=True)
class Option:
    """A way to compute.

    Args:
        name: as the table calls it.
        precision: of the trainer.
        tf32: whether float32 products and convolutions may be TensorFloat32.
        needs_cuda: where it makes no sense elsewhere.
        compiled: whether networks are compiled.
        graphs: whether steps are replayed as CUDA graphs.
    """

    name: str
    precision: str
    tf32: bool = False
    needs_cuda: bool = False
    compiled: bool = False
    graphs: bool = False


PRECISIONS = (
    Option("fp32", "32-true"),
    Option("tf32", "32-true", tf32=True, needs_cuda=True),
    Option("bf16", "bf16-mixed", tf32=True),
    Option("fp16", "16-mixed", tf32=True, needs_cuda=True),
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
def convolutions(tf32: bool) -> Iterator[None]:
    """TensorFloat32 in CUDA's convolutions or not."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


class Training:
    """A variant that is trained in one way, a round at a time."""

    def __init__(self, model: str, option: Option, overrides: Sequence[str]) -> None:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            computing = [
                f"trainer.precision={option.precision}",
                f"trainer.matmul_precision={'high' if option.tf32 else 'highest'}",
                f"trainer.compile={str(option.compiled).lower()}",
                f"trainer.cuda_graphs={str(option.graphs).lower()}",
            ]
            self.config = compose("train", [f"model={model}", *computing, *overrides])
        with open_dict(self.config):
            self.config.run_dir = tempfile.gettempdir()  # nothing is written
        self.option = option
        torch.manual_seed(0)
        self.data, self.model = build(self.config.data), build(self.config.model)
        shape = (10_000, self.data.channels, *self.data.image_size)
        one_domain = LabelledImages(torch.randint(0, 256, shape, dtype=torch.uint8), torch.randint(0, 10, shape[:1]))
        self.data.prepare_data = lambda: None  # nothing to fetch
        self.split = (one_domain, one_domain) if model == "cyclegan" else one_domain

    def round(self, batches: int) -> float:
        """Images a second; what is compiled was so in the first round."""
        # Both players' code, both of a critic's batches; graphs are captured anew in each fit, after a few steps.
        warm_up = (6 if self.option.graphs else 2) * self.config.model.n_critic
        clock = Clock(warm_up)
        end = warm_up + batches
        quiet = {"enable_progress_bar": False, "enable_checkpointing": False, "logger": False, "max_steps": end}
        trainer = build(self.config.trainer, callbacks=[clock], **quiet)
        self.data.splits["train"] = trainer.strategy.batch_to_device(self.split)  # where a run keeps its images
        with convolutions(self.option.tf32):
            trainer.fit(self.model, self.data)
        images: int = batches * self.config.data.batch_size * (2 if isinstance(self.split[0], tuple) else 1)
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
