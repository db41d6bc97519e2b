"""What scores cost: a part of the training time, and some seconds at the end."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import Callback
from omegaconf import open_dict

from gan_lab.callbacks.scores import Scores
from gan_lab.config.schema import build
from gan_lab.training.build import wanted_callbacks

CONF = Path(__file__).parent.parent / "conf"
BATCHES = {"dcgan_small": 300, "mlp": 1500}
SCORES = 6  # within them
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
