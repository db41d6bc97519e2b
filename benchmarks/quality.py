"""What scores cost: a part of the training time, and some seconds at the end.

    python -m benchmarks.quality mnist_paired mnist_edges --options data.root=FOLDER

measures those of whole recipes while they train: so many batches and a score in turn, in seconds of processors, which
other programs don't lengthen, and medians of them. With `--groups`, what each further group of scores would add, of
recipes that generate from noise.
"""

import argparse
import logging
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any
from unittest import mock

import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import Callback
from omegaconf import open_dict

from gan_lab.callbacks.scores import Scores
from gan_lab.callbacks.trigger import interval
from gan_lab.config.schema import build
from gan_lab.metrics import classifier
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
PROMISED = {"dcgan_small": "<= 5 %", "mlp": "<= 5 %"}
PROMISED_AT_END = {"dcgan_small": "<= 60 s", "mlp": ""}
ROUND = 20  # batches of a recipe between two scores
OF_RECIPE = 150  # batches by which a recipe's training is timed, and as many before
TIMES = 3  # that each group is scored, of which the fastest counts: whatever else runs only adds


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


class Moment(Callback):
    """Notes the processors' time after each batch: one comes before the callback that scores, one after it."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        """Note it."""
        self.times.append(process_time())


@dataclass
class Share:
    """Seconds of processors: of a batch and of a score, both medians, and how many of them a run has."""

    batch: float
    score: float
    batches: int
    scores: int

    @property
    def of_training(self) -> float:
        """Time of a run's scores as a part of the time of its batches."""
        return self.scores * self.score / (self.batches * self.batch)


def share_of(before: Sequence[float], after: Sequence[float], every: int, *, batches: int, scores: int) -> Share:
    """What scores cost in a run of so many batches and scores.

    Args:
        before: the time after each batch, before what comes then.
        after: the time after that. Every `every`-th is a score. The first batch warms up, as does the first score.
        every: batches between two scores.
        batches: of the run.
        scores: of the run.
    """
    of_batches = [end - start for start, end in zip(after[:-1], before[1:], strict=True)]
    of_scores = [end - start for start, end in list(zip(before, after, strict=True))[every - 1 :: every]]
    return Share(median(of_batches), median(of_scores[1:]), batches, scores)


def measure_recipe(recipe: str, options: Sequence[str], rounds: int) -> Share:
    """Train a recipe for a while, with a score after every 20 batches, and nothing else that comes now and then.

    A classifier that would be trained for the scores is left with its first weights, which take as long.
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment={recipe}", *options])
    chosen, batches = config.callbacks.scores, config.trainer.max_steps
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        with open_dict(config):
            config.run_dir = folder
        data, model = build(config.data), build(config.model)
        of_a_batch = config.data.batch_size * model.images_per_place
        scores = batches * of_a_batch // interval(chosen.every_n_images, chosen.at_least, batches * of_a_batch)
        config.trainer.max_steps = (rounds + 1) * ROUND
        chosen.every_n_images, chosen.at_least = ROUND * of_a_batch, 0
        chosen.cache = folder  # an untrained classifier must not be found again
        before, after = Moment(), Moment()
        quality = next(callback for callback in wanted_callbacks(config) if isinstance(callback, Scores))
        quality.on_fit_end = lambda *_: None  # type: ignore[method-assign]  # the scores at the end
        alone = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        with mock.patch.object(classifier, "fit", lambda model, *_: model.eval()):
            build(config.trainer, callbacks=[before, quality, after], **alone).fit(model, data)
    return share_of(before.times, after.times, ROUND, batches=batches, scores=scores)


def recipes(names: Sequence[str], options: Sequence[str], rounds: int) -> list[str]:
    """The table of recipes, a Markdown line each."""
    lines = [
        "| recipe | a batch, s | a score, s | scores in a run | of the training time |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in names:
        cost = measure_recipe(name, options, rounds)
        lines.append(f"| `{name}` | {cost.batch:.4f} | {cost.score:.2f} | {cost.scores} | {cost.of_training:.1%} |")
    return lines


def further_groups(recipe: str, overrides: Sequence[str]) -> list[str]:
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


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", help="of conf/experiment; none: what `make benchmark` shows of scores")
    parser.add_argument("--options", nargs="*", default=[], help="of the configuration: data.root=FOLDER")
    parser.add_argument("--rounds", type=int, default=9, help="scores to take the median of (%(default)s)")
    parser.add_argument("--groups", action="store_true", help="what each further group would add to a recipe's scores")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    hardware.prepare()
    if given.groups:
        for recipe in given.recipes:
            print("\n".join(further_groups(recipe, given.options)), end="\n\n", flush=True)
    else:
        print("\n".join(recipes(given.recipes, given.options, given.rounds) if given.recipes else report()))


if __name__ == "__main__":
    main()
