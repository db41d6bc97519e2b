"""What scores cost while a recipe trains, in processor time.

    python -m benchmarks.score_share mnist_paired mnist_edges --options data.root=FOLDER

takes so many batches and a score in turn, in seconds of processors, which other programs don't lengthen, and medians of
them. It is for every recipe, those that translate included; `benchmarks.quality` has each group of scores by itself.
"""

import argparse
import logging
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import Callback
from omegaconf import open_dict

from benchmarks.quality import CONF
from gan_lab.callbacks.scores import Scores
from gan_lab.callbacks.trigger import interval
from gan_lab.config.schema import build
from gan_lab.training.build import wanted_callbacks
from gan_lab.utils import hardware

ROUND = 20  # batches of a recipe between two scores


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
    """Train a recipe for a while, with a score after every 20 batches, and nothing else that comes now and then."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment={recipe}", *options])
    chosen, batches, batch_size = config.callbacks.scores, config.trainer.max_steps, config.data.batch_size
    seen = batches * batch_size
    scores = seen // interval(chosen.every_n_images, chosen.at_least, seen)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        with open_dict(config):
            config.run_dir = folder
        config.trainer.max_steps = (rounds + 1) * ROUND
        chosen.every_n_images, chosen.at_least = ROUND * batch_size, 0
        before, after = Moment(), Moment()
        data, model = build(config.data), build(config.model)
        quality = next(callback for callback in wanted_callbacks(config) if isinstance(callback, Scores))
        quality.on_fit_end = lambda *_: None  # type: ignore[method-assign]  # the scores at the end
        alone = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
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


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", help="of conf/experiment")
    parser.add_argument("--options", nargs="*", default=[], help="of the configuration: data.root=FOLDER")
    parser.add_argument("--rounds", type=int, default=9, help="scores to take the median of (%(default)s)")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    hardware.prepare()
    print("\n".join(recipes(given.recipes, given.options, given.rounds)))


if __name__ == "__main__":
    main()
