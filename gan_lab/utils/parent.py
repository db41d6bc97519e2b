"""Processes that end with the one that started them. Nothing here takes time to import: it comes before all else."""

import ctypes
import os
import platform
import signal

PARENT = "GAN_LAB_PARENT"  # an environment variable, the id of the process that starts another
PR_SET_PDEATHSIG = 1  # prctl.h


def as_parent() -> dict[str, str]:
    """The variable by which a process that is started now knows this one."""
    return {PARENT: str(os.getpid())}


def die_with_parent() -> None:
    """Have Linux kill this process when the one that started it is gone: nobody else would stop it."""
    if platform.system() != "Linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.environ.get(PARENT, str(os.getppid())) != str(os.getppid()):  # gone before Linux knew
        os.kill(os.getpid(), signal.SIGKILL)
