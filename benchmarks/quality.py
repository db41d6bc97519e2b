"""What scores cost: a part of the training time, and some seconds at the end.

    python -m benchmarks.quality mnist_dcgan --options data.root=FOLDER

measures recipes instead: their scores while training, and what each further group would add.
"""

import argparse
import logging
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import Callback
from omegaconf import open_dict

from gan_lab.callbacks.scores import Scores
from gan_lab.callbacks.trigger import interval
from gan_lab.config.schema import build
from gan_lab.metrics.groups import ALL_GROUPS, Group
from gan_lab.metrics.measure import Samples
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.select_extractor import make_extractor
from gan_lab.training.build import wanted_callbacks
from gan_lab.utils import hardware
from gan_lab.utils.errors import UserError

CONF = Path(__file__).parent.parent / "conf"
BATCHES = {"dcgan_small": 300, "mlp": 1500}
SCORES = 6  # within them
OF_RECIPE = 60  # batches by which a recipe's training is timed, after as many
TIMES = 3  # that each group is scored, of which the fastest counts: whatever else runs only adds
PROMISED = {"dcgan_small": "<= 5 %", "mlp": "<= 5 %"}
PROMISED_AT_END = {"dcgan_small": "<= 60 s", "mlp": ""}


@dataclass
class Cost:
    """Seconds: of a score while training, of training between two by default, and of those at the end."""

    score: float
    training: float
    end: float
    drawn: tuple[int, int]  # images for a score while training, and at the end
    every: int  # images between two scores


class Watch(Callback):
    """Notes when training and scoring began and ended; to come after the callback that scores."""

    def __init__(self, quality: Scores) -> None:
        self.quality = quality
        self.marks: list[tuple[float, float]] = []

    def on_train_start(self, *_: Any) -> None:
        """Leave out what is computed once for a dataset."""
        self.marks.append((perf_counter(), self.quality.seconds))

    def on_train_end(self, *_: Any) -> None:
        """Before the last scores."""
        self.marks.append((perf_counter(), self.quality.seconds))


def measure(network: str) -> Cost:
    """Train and score for a while as configured, only that scores come more often."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["model=vanilla", f"model/network={network}", "trainer.accelerator=cpu"])
    every = config.callbacks.scores.every_n_images
    batches, batch_size = BATCHES[network], config.data.batch_size
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        with open_dict(config):
            config.run_dir = folder
        config.trainer.max_steps = batches
        config.callbacks.scores.cache = folder
        config.callbacks.scores.every_n_images = batches // SCORES * batch_size
        data, model = build(config.data), build(config.model)
        for split, count in (("train", 60_000), ("test", 10_000)):  # as many as MNIST has
            shape = (count, data.channels, *data.image_size)
            data.splits[split] = torch.randint(0, 256, shape, dtype=torch.uint8), torch.randint(0, 10, (count,))
        data.prepare_data = lambda: None  # nothing to fetch
        callbacks = wanted_callbacks(config)
        quality = next(callback for callback in callbacks if isinstance(callback, Scores))
        watch = Watch(quality)
        loggers = [build(node) for node in config.logger.values()]
        trainer = build(config.trainer, callbacks=[*callbacks, watch], logger=loggers)
        trainer.fit(model, data)
    (start, scored_before), (end, scored) = watch.marks
    scoring = scored - scored_before
    training = (end - start - scoring) / (batches * batch_size) * every
    drawn = quality.count_during, quality.count
    return Cost(scoring / SCORES, training, quality.seconds - scored, drawn, every)


def report() -> list[str]:
    """The table, a Markdown line each."""
    lines = ["| scores | seconds | of the training time | promised |", "|---|---:|---:|---:|"]
    for network in BATCHES:
        cost = measure(network)
        during, at_end = cost.drawn
        share = f"{cost.score:.2f} | {cost.score / cost.training:.1%} | {PROMISED[network]}"
        lines.append(f"| {network}, {during:,} images every {cost.every:,} | {share} |")
        lines.append(f"| {network}, {at_end:,} images at the end | {cost.end:.1f} | | {PROMISED_AT_END[network]} |")
    return lines


def recipe_report(recipe: str, overrides: Sequence[str]) -> list[str]:
    """The table of a recipe that generates from noise, a Markdown line each: default groups, and each further one."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment={recipe}", "trainer.accelerator=cpu", *overrides])
    chosen, batch = config.callbacks.scores, config.data.batch_size
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        with open_dict(config):
            config.run_dir = folder
        data, model = build(config.data), build(config.model)
        clock = Clock()
        options = {"max_steps": 2 * OF_RECIPE, "enable_checkpointing": False, "enable_progress_bar": False}
        build(config.trainer, callbacks=[clock], logger=False, **options).fit(model, data)
        real = RealImages(data, Path(folder))
        subject = Samples(real, make_extractor("auto", real), 0)
        training = clock.seconds / OF_RECIPE * config.trainer.max_steps
        every = interval(chosen.every_n_images, chosen.at_least, batch * config.trainer.max_steps)
        times = batch * config.trainer.max_steps // every
        few = {"count": chosen.count_during, "at_most": chosen.real_during}
        own = seconds_of(subject, model, chosen.groups_during, few)
        lines = [
            f"{recipe}: {training:,.0f} s of training, scored {times} times, {few['count']} images each",
            "",
            "| groups while training | seconds each | of the training time |",
            "|---|---:|---:|",
            f"| {', '.join(chosen.groups_during)} | {own:.2f} | {own * times / training:.1%} |",
        ]
        for group in ALL_GROUPS:
            if group in chosen.groups_during:
                continue
            try:
                more = seconds_of(subject, model, [*chosen.groups_during, group], few) - own
            except UserError as error:
                lines.append(f"| {group} | {error} | |")
                continue
            lines.append(f"| and {group} | {more:+.2f} | {more * times / training:+.1%} |")
    return lines


class Clock(Callback):
    """Times the second half of a training."""

    seconds = 0.0

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """Start in the middle, stop at the end."""
        if trainer.global_step in (OF_RECIPE, 2 * OF_RECIPE):
            self.seconds = perf_counter() - self.seconds


def seconds_of(subject: Samples, model: Any, groups: Sequence[Group], few: dict[str, Any]) -> float:
    """Seconds of a score with these groups, without what is computed once for a run."""
    subject.refuse(groups)
    measure = subject.against("train", groups=groups, **few)
    measure.score(model, ema=True)
    found = []
    for _ in range(TIMES):
        start = perf_counter()
        measure.score(model, ema=True)
        found.append(perf_counter() - start)
    return min(found)


def main() -> None:
    """Measure recipes and print their tables."""
    parser = argparse.ArgumentParser(description="What scores cost while recipes train, and each further group.")
    parser.add_argument("recipes", nargs="+", metavar="RECIPE", help="of conf/experiment, that generate from noise")
    parser.add_argument("--options", nargs="*", default=[], metavar="NAME=VALUE", help="such as data.root=FOLDER")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    hardware.prepare()
    for recipe in arguments.recipes:
        print("\n".join(recipe_report(recipe, arguments.options)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
