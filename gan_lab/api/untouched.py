"""A process that is left as it was found, whatever a training has set up in it."""

import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import lightning.pytorch  # noqa: F401 - sets up loggers when it is first imported
import numpy as np
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase
from lightning.fabric.utilities.rank_zero import rank_zero_only

from gan_lab.config import own_code
from gan_lab.utils import child_pythons
from gan_lab.utils.log_file import LogFile
from gan_lab.utils.signals import ASKING_TO_STOP
from gan_lab.utils.terminal import VisibleFormatter

OF_HYDRA = (GlobalHydra, HydraConfig, JobRuntime, VersionBase)  # its caches of plugins and the like may stay
IN_THE_FILE = "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"  # as Hydra logs


@contextmanager
def untouched(command: Sequence[str]) -> Iterator[None]:
    """Set a process up for a training as a new program is, and put everything back in the end.

    That is Hydra's and torch's global state, the packages that are trusted, the default random generators, the
    environment, the folders of modules, warnings, loggers, handlers of signals, the current folder and the command
    line. What stays are caches, and memory: the allocator keeps freed blocks.

    Pythons that are started meanwhile look for modules as those that the command line starts.

    Args:
        command: that the record of a run says it was trained by.
    """
    with ExitStack() as stack:
        for restore in (*_python(), *_random(), *_torch(), _hydra(), _loggers(), _trust()):
            stack.callback(restore)
        stack.enter_context(warnings.catch_warnings())
        sys.argv = [*command]
        sys.path[:] = child_pythons.current_folder_last(sys.path)
        os.environ.update(child_pythons.environment())  # torch starts some to compile
        torch.set_default_dtype(torch.float32)
        torch.set_float32_matmul_precision("highest")
        torch.set_grad_enabled(True)
        yield


@contextmanager
def logging_to(file: Path) -> Iterator[None]:
    """Log to a run's file, and print where nobody else does."""
    root = logging.getLogger()
    handlers: list[logging.Handler] = [LogFile(file)]
    handlers[0].setFormatter(VisibleFormatter(IN_THE_FILE))
    if not root.handlers:
        handlers.append(logging.StreamHandler(sys.stdout))
        handlers[1].setFormatter(VisibleFormatter("%(message)s"))
    level = root.level
    root.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def _python() -> Iterator[Callable[[], object]]:
    environment, folder, argv, path = dict(os.environ), Path.cwd(), sys.argv, [*sys.path]

    def restore_environment() -> None:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)

    yield restore_environment
    yield lambda: os.chdir(folder)
    yield lambda: setattr(sys, "argv", argv)
    yield lambda: sys.path.__setitem__(slice(None), path)
    if threading.current_thread() is threading.main_thread():  # elsewhere Python lets nobody change them
        for number in ASKING_TO_STOP:
            handler = signal.getsignal(number)
            if handler is not None:  # one that Python has not set
                yield lambda number=number, handler=handler: signal.signal(number, handler)  # type: ignore[misc]


def _random() -> Iterator[Callable[[], object]]:
    of_python, of_numpy, of_torch = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    yield lambda: random.setstate(of_python)
    yield lambda: np.random.set_state(of_numpy)  # noqa: NPY002
    yield lambda: torch.set_rng_state(of_torch)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        of_cuda = torch.cuda.get_rng_state_all()
        yield lambda: torch.cuda.set_rng_state_all(of_cuda)
    elif torch.cuda.is_available():  # to ask for states would make a context on every device, maybe only to wait
        seed = torch.initial_seed()  # torch gives one to all devices
        yield lambda: torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        of_mps = torch.mps.get_rng_state()
        yield lambda: torch.mps.set_rng_state(of_mps)


def _torch() -> Iterator[Callable[[], object]]:
    threads, dtype, precision = torch.get_num_threads(), torch.get_default_dtype(), torch.get_float32_matmul_precision()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    gradients, anomalies = torch.is_grad_enabled(), torch.is_anomaly_enabled()
    cudnn = torch.backends.cudnn
    benchmark, exact = cudnn.benchmark, cudnn.deterministic
    rank = getattr(rank_zero_only, "rank", None)
    yield lambda: torch.set_num_threads(threads) if torch.get_num_threads() != threads else None
    yield lambda: torch.set_default_dtype(dtype)
    yield lambda: torch.set_float32_matmul_precision(precision)
    yield lambda: torch.use_deterministic_algorithms(deterministic, warn_only=warns_only)
    yield lambda: torch.set_grad_enabled(gradients)
    yield lambda: torch.autograd.set_detect_anomaly(anomalies)
    yield lambda: setattr(cudnn, "benchmark", benchmark)
    yield lambda: setattr(cudnn, "deterministic", exact)
    yield lambda: setattr(rank_zero_only, "rank", rank)


def _hydra() -> Callable[[], object]:
    """Take away what Hydra knows of another program, such as one that calls this."""
    known = cast(dict[type, Any], Singleton._instances)
    before: dict[type, Any] = {kind: known.pop(kind) for kind in OF_HYDRA if kind in known}

    def restore() -> None:
        for kind in OF_HYDRA:
            known.pop(kind, None)
        known.update(before)

    return restore


def _loggers() -> Callable[[], object]:
    named = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    states = [
        (logger, logger.level, [*logger.handlers], logger.propagate, logger.disabled)
        for logger in (logging.root, *named)
    ]

    def restore() -> None:
        for logger, level, handlers, propagate, disabled in states:
            logger.setLevel(level)
            logger.handlers[:] = handlers
            logger.propagate, logger.disabled = propagate, disabled

    return restore


def _trust() -> Callable[[], object]:
    """Each run is a program of its own, which trusts what its user names until it ends."""
    before = own_code.TRUSTED.copy()

    def restore() -> None:
        own_code.TRUSTED.clear()
        own_code.TRUSTED.update(before)

    return restore
