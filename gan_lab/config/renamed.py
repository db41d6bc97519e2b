"""Names of 0.1 that have changed: options, and the places of classes. CHANGELOG.md lists them for readers."""

from collections.abc import Iterator, Mapping
from typing import Any

OPTIONS = {
    "data.classes": "data.num_classes",
    "data.test_share": "data.test_fraction",
    "data.held_out": "data.validation_count",
    "model.classes": "model.num_classes",
    "model.conditioning.generator.classes": "model.conditioning.generator.num_classes",
    "model.conditioning.discriminator.classes": "model.conditioning.discriminator.num_classes",
    "callbacks.quality": "callbacks.scores",
    "callbacks.ending": "callbacks.graceful_stop",
    "callbacks.checkpoint.every_n_batches": "callbacks.checkpoint.every_n_images",
    "callbacks.checkpoint.keep_every_n_batches": "callbacks.checkpoint.keep_every_n_images",
    "callbacks.health.classified": "callbacks.health.classified_images",
    "callbacks.health.collapse": "callbacks.health.collapse_diversity",
    "callbacks.health.sure": "callbacks.health.imbalance_accuracy",
    "callbacks.health.vanishing": "callbacks.health.vanishing_gradient",
    "callbacks.health.acts_also_on": "callbacks.health.act_on",
}
CLASSES = {
    "gan_lab.callbacks.endings.GracefulEnding": "gan_lab.callbacks.graceful_stop.GracefulStop",
    "gan_lab.callbacks.quality.Quality": "gan_lab.callbacks.scores.Scores",
    "gan_lab.callbacks.samples.SampleGrid": "gan_lab.callbacks.sample_grid.SampleGrid",
    "gan_lab.loggers.MetricsCSV": "gan_lab.training.loggers.MetricsCSV",
    "gan_lab.loggers.TensorBoard": "gan_lab.training.loggers.TensorBoard",
    "gan_lab.metrics.digits.Digits": "gan_lab.metrics.dataset_classifier.DatasetClassifier",
    "gan_lab.metrics.stacked.Stacked": "gan_lab.metrics.stacked_digits.Stacked",
    "gan_lab.trainer.Trainer": "gan_lab.training.trainer.Trainer",
}


def new_name_of(name: str) -> str | None:
    """The line for somebody who uses an option or a class of 0.1 by its old name; None where the name is no old one."""
    if name in CLASSES:
        return f"{name} is now called {CLASSES[name]}"
    for old, new in OPTIONS.items():
        if name == old or name.startswith(f"{old}."):
            return f"{name} is now called {new}{name.removeprefix(old)}"
    return None


def old_options(config: Mapping[str, Any]) -> list[str]:
    """The options of a configuration, in plain values, that have old names.

    A part that names a class of its own is not taken for one of ours: anybody may call a callback "ending".
    """
    return [old for old in OPTIONS if _holds(config, old)]


def old_classes(node: Any) -> list[str]:
    """The classes that are named by their old names at or below a node of plain values, each once."""
    return list(dict.fromkeys(target for target in _targets(node) if target in CLASSES))


def _holds(config: Mapping[str, Any], option: str) -> bool:
    node: Any = config
    for key in option.split("."):
        if not isinstance(node, Mapping) or key not in node:
            return False
        node = node[key]
    target = node.get("_target_") if isinstance(node, Mapping) else None
    return target is None or target in CLASSES


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(target := node.get("_target_"), str):
            yield target
        for child in node.values():
            yield from _targets(child)
    elif isinstance(node, list):
        for child in node:
            yield from _targets(child)
