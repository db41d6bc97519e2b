"""Memory that is available for a dataset."""

import os
import re
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


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
    if not known:  # not Linux: half of what is built in
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return min(int(known[1]) * 1024, _left_to_group(proc, cgroup))


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
