"""One job, one GPU: jobs that run side by side on a machine each take devices that nobody else has taken.

A lease is a locked file in a folder of this user on this machine, so it ends with the process that holds it. Other
programs don't know of it; between users, and between machines, the scheduler decides.
"""

import getpass
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock

from gan_lab.utils.errors import UserError
from gan_lab.utils.locks import Busy, take
from gan_lab.utils.terminal import say

PAUSE = 1.0  # seconds between two looks for a free device


def folder() -> Path:
    """The folder of this user's leases."""
    place = Path(tempfile.gettempdir()) / f"gan_lab-{getpass.getuser()}"
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def gpus(count: int) -> list[str]:
    """The GPUs that this process may use, by names that mean the same to every process of the machine.

    A scheduler may show each of its jobs another GPU under the same number, so numbers won't do: they are UUIDs where
    the driver's tool tells them.

    Args:
        count: how many torch sees.
    """
    listed = uuids() or [str(number) for number in range(max(count, 64))]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return listed[:count]
    names = [name.strip() for name in visible.split(",")]
    return [listed[int(name)] if name.isdecimal() and int(name) < len(listed) else name for name in names][:count]


def uuids() -> list[str]:
    """The UUIDs of this machine's NVIDIA GPUs, by number; none where the driver's tool is missing."""
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return []


@contextmanager
def leased(devices: Sequence[str], wanted: int, jobs_per_device: int) -> Iterator[list[str]]:
    """Hold some of the devices while the context is open; waits until enough are free, and says so.

    All of them are taken together or none, so two jobs never wait for each other's.

    Args:
        devices: to choose from.
        wanted: how many.
        jobs_per_device: how many jobs may share one.

    Raises:
        UserError: there are never so many devices.
    """
    if wanted > len(devices):
        raise UserError(f"trainer.devices={wanted}: this job may use {len(devices)}")
    place, announced = folder(), False
    while True:
        with ExitStack() as leases:
            taken = _take(place, devices, wanted, jobs_per_device, leases)
            if len(taken) == wanted:
                yield taken
                return
        if not announced:
            say(f"Waiting for {wanted} free GPU{'s' if wanted > 1 else ''} of {len(devices)}")
            announced = True
        time.sleep(PAUSE)


def _take(place: Path, devices: Sequence[str], wanted: int, jobs_per_device: int, leases: ExitStack) -> list[str]:
    taken: list[str] = []
    for slot in range(jobs_per_device):  # an idle device before a second job on one
        for device in devices:
            if len(taken) == wanted:
                return taken
            if device in taken:
                continue
            try:
                lock: FileLock = take(place / f"{device.replace('/', '_')}.{slot}.lock")
            except Busy:
                continue
            leases.callback(lock.release)
            taken.append(device)
    return taken
