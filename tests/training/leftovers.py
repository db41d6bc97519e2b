"""Leftovers of a run that do not depend on the clock, by which two runs that should be one are compared."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from gan_lab.runs.run import Run
from gan_lab.utils.run_layout import EVENTS


def left(folder: str) -> dict[str, Any]:
    """All that a run leaves that does not depend on the clock or on how it is called."""
    record = Run(folder).record()
    return {
        "last": plain(checkpoint(f"{folder}/checkpoints/last.ckpt")),
        "best": plain(checkpoint(f"{folder}/checkpoints/best.ckpt")) if Run(folder).best.exists() else None,
        "grids": {path.name: path.read_bytes() for path in Path(folder, "samples").iterdir()},
        "metrics": table(Path(folder, "metrics.csv")),
        "tensorboard": shown(Path(folder)),
        "record": {name: record.get(name) for name in ("status", "batches", "images_seen", "best", "scores", "alarms")},
    }


def table(file: Path) -> list[dict[str, str]]:
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    return [{name: value for name, value in row.items() if name != "images_per_second"} for row in rows]


def shown(folder: Path) -> dict[str, Any]:
    """What TensorBoard shows at last for each tag and step: what comes again after a kill takes the earlier's place."""
    latest = {}
    for file in sorted(folder.glob(f"{EVENTS}*")):
        for event in EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                if "images_per_second" not in value.tag:
                    if value.tag.startswith("_hparams_"):  # holds a message whose maps are in no order
                        content = value.metadata.plugin_data.content
                        value.metadata.plugin_data.content = HParamsPluginData.FromString(content).SerializeToString(
                            deterministic=True
                        )
                    latest[f"{value.tag}@{event.step}"] = value.SerializeToString(deterministic=True)
    return latest


def checkpoint(file: str) -> dict[str, Any]:
    """A checkpoint without the loops' counters, which know how training was entered and left."""
    loaded: dict[str, Any] = torch.load(file, weights_only=True)
    return {name: value for name, value in loaded.items() if name not in ("loops", "epoch")}


def plain(node: Any) -> Any:
    """The leaves of a checkpoint by path; tensors as bytes, which can be compared as a whole."""
    return dict(leaves(node))


def differing(left: Any, right: Any) -> list[str]:
    """The names of the leaves that are not equal."""
    one, other = dict(leaves(left)), dict(leaves(right))
    return [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, torch.Tensor):
        yield path, (node.dtype, tuple(node.shape), node.contiguous().numpy().tobytes())
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}/{key}")
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from leaves(value, f"{path}/{index}")
    else:
        yield path, repr(node)  # in which NaN is equal to itself
