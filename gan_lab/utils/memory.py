"""Memory: how much is available, and what helps where it has not been enough."""

import os
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
AT_ONCE = 1 << 22  # values of the images that a network makes at a time; feature maps take many times as many
TOGETHER = 16  # images, at least
UNKNOWN = 1 << 33  # bytes, where the system tells nothing
SHORTAGE = re.compile(r"can't allocate memory|not enough memory|out of memory|ALLOC_FAILED", re.IGNORECASE)
AMOUNT = re.compile(r"tried to allocate (\d[\d.]*) ?(\w+)", re.IGNORECASE)
SMALLER = "lower data.batch_size or model.network.generator.width (hidden of mlp)"
WIDTH = "model.network.generator.width (hidden of mlp); data.batch_size doesn't matter here"
ELSEWHERE = "take --device cpu, or ask for fewer images"
# What helps, by the innermost of these places that the error came through.
HELPS = {
    "callbacks/scores.py": f"lower callbacks.scores.count_during and count, or {WIDTH}",
    "callbacks/sample_grid.py": f"lower callbacks.samples.rows and columns, or {WIDTH}",
    "callbacks/health.py": f"lower callbacks.health.images, or {WIDTH}",
    "utils/tiles.py": "translate fewer pixels at once with --tile or --size",
    **{f"cli/{name}.py": ELSEWHERE for name in ("sample", "interpolate", "walk", "project", "evaluate")},
}


def available(proc: Path = Path("/proc"), cgroup: Path = CGROUP) -> int:
    """Bytes that this machine, or the container that we run in, can still give.

    Args:
        proc: Linux's process information.
        cgroup: Linux's control groups (version 2), which say what a container or a cluster's job may take.
    """
    try:
        known = re.search(r"^MemAvailable:\s+(\d+) kB", (proc / "meminfo").read_text(), re.MULTILINE)
    except OSError:
        known = None
    if not known and not hasattr(os, "sysconf"):  # Windows
        return UNKNOWN
    if not known:  # not Linux: half of what is built in
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return min(int(known[1]) * 1024, _left_to_group(proc, cgroup))


def at_once(values: int, most: int) -> int:
    """The number of images that a generator makes at a time: fewer of large ones, in multiples of 16.

    Args:
        values: of an image.
        most: images at a time.
    """
    return min(most, TOGETHER * max(1, AT_ONCE // (TOGETHER * values)))


def _left_to_group(proc: Path, cgroup: Path) -> int:
    """Bytes that the limits around this process leave; more than any machine has where there is no limit."""
    left = 1 << 62
    try:
        own = re.search(r"^0::/(.*)$", (proc / "self" / "cgroup").read_text(), re.MULTILINE)
        group = cgroup / (own[1] if own else "")
        for folder in (group, *group.parents):
            if folder.is_relative_to(cgroup) and (folder / "memory.max").exists():
                limit = (folder / "memory.max").read_text().strip()
                used = re.search(r"^anon (\d+)", (folder / "memory.stat").read_text(), re.MULTILINE)
                if limit != "max" and used:  # cached files count as used too, but make room when asked
                    left = min(left, int(limit) - int(used[1]))
    except OSError:
        pass
    return left


def shortage(error: BaseException) -> str | None:
    """Tell of memory that was not enough, and of what helps, in a line; None for any other error.

    Args:
        error: from Python, or from torch on any device.
    """
    for cause in _causes(error):
        if is_shortage(cause):
            files = [Path(frame.filename).as_posix() for frame in traceback.extract_tb(error.__traceback__)]
            places = (HELPS[place] for file in reversed(files) for place in HELPS if file.endswith(f"gan_lab/{place}"))
            asked = AMOUNT.search(str(cause))
            size = f"{asked[1]} {asked[2]}" if asked else ""
            if asked and asked[2] == "bytes":
                size = f"{int(asked[1]) / 1e9:,.2f} GB"
            amount = f" ({size} more were asked for)" if size else ""
            alone = " for a single image" if any(file.endswith("gan_lab/utils/chunks.py") for file in files) else ""
            return f"out of memory{alone}{amount}: {next(places, SMALLER)}"
    return None


def is_shortage(error: BaseException) -> bool:
    """Tell that memory was not enough, whether Python's or that of any of torch's devices."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(SHORTAGE.search(str(error))))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
