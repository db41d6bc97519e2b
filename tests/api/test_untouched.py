"""A process after a training is as it was before, and a training does not depend on what it was."""

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from torch._inductor.utils import python_subprocess_env

from gan_lab.api.untouched import OF_HYDRA, logging_to, untouched
from gan_lab.config import own_code
from tests.conftest import CONF, plant_modules


def state() -> dict[str, Any]:
    """Whatever a program shares with what it calls."""
    for thread in threading.enumerate():
        if "heartbeat" in thread.name:  # of a run's lock: it has been told to end
            thread.join(timeout=10)
    return {
        "hydra": [id(Singleton._instances.get(kind)) for kind in OF_HYDRA],
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "argv": sys.argv,
        "path": [*sys.path],
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "warnings": [*warnings.filters],
        "python": random.getstate(),
        "numpy": [str(part) for part in np.random.get_state()],  # noqa: NPY002
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "matmul": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warns": torch.is_deterministic_algorithms_warn_only_enabled(),
        "cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "gradients": torch.is_grad_enabled(),
        "anomalies": torch.is_anomaly_enabled(),
        "loggers": [
            (name, logger.level, [*logger.handlers], logger.propagate, logger.disabled)
            for name in ("", "lightning.pytorch", "lightning.fabric", "mine")
            for logger in [logging.getLogger(name)]
        ],
        "trusted": own_code.TRUSTED.copy(),
        "running": {thread.name for thread in threading.enumerate()},
    }


def everything_changed() -> None:
    os.environ["GAN_LAB_TEST"] = "1"
    os.environ.pop("HOME", None)
    os.chdir("/")
    sys.path.append("/nowhere")
    signal.signal(signal.SIGTERM, lambda *_: None)
    warnings.filterwarnings("ignore", "anything")
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    torch.set_float32_matmul_precision("medium")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = True
    torch.set_grad_enabled(False)
    torch.autograd.set_detect_anomaly(True)
    logging.getLogger("mine").setLevel(logging.ERROR)
    logging.getLogger().addHandler(logging.NullHandler())
    own_code.TRUSTED.add("mypackage")
    initialize_config_dir(str(CONF), version_base="1.3")


@pytest.mark.parametrize("raises", [False, True])
def test_all_that_a_training_could_change_is_put_back(raises: bool) -> None:
    logging.getLogger("mine")
    before = state()
    try:
        with untouched(["gan_lab.train", "model=cgan"]):
            assert sys.argv == ["gan_lab.train", "model=cgan"]
            everything_changed()
            changed = state()
            if raises:
                raise RuntimeError
    except RuntimeError:
        assert raises
    assert state() == before
    kept = {"running", "threads"}  # the tests' number of threads stays
    assert {name for name in before if before[name] == changed[name]} == kept


def test_inside_nothing_is_known_of_another_program_of_hydras() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        mine = GlobalHydra.instance()
        assert mine.is_initialized()
        with untouched([]):
            assert not GlobalHydra.instance().is_initialized()
            assert not HydraConfig.initialized()
        assert GlobalHydra.instance() is mine
        assert mine.is_initialized()


def test_inside_torch_is_as_a_new_program_finds_it() -> None:
    before = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_float32_matmul_precision("medium")
        with untouched([]), torch.no_grad(), untouched([]):
            assert torch.get_default_dtype() == torch.float32
            assert torch.get_float32_matmul_precision() == "highest"
            assert torch.is_grad_enabled()
    finally:
        torch.set_default_dtype(before[0])
        torch.set_float32_matmul_precision(before[1])


@pytest.mark.parametrize("is_interactive", [False, True])
def test_inside_no_python_that_is_started_imports_from_the_current_folder(
    is_interactive: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_modules(tmp_path)
    (tmp_path / "ones_own.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.setattr(sys, "path", [*([""] if is_interactive else []), *filter(None, sys.path)])
    probe = [sys.executable, "-c", "import ctypes, socket, importlib.util as u; print(u.find_spec('ones_own') is None)"]
    with untouched([]):
        for environment in (dict(os.environ), python_subprocess_env()):  # torch's own, to compile
            done = subprocess.run(probe, env=environment, capture_output=True, text=True, check=True)
            assert done.stdout == f"{not is_interactive}\n", "a notebook's modules are found"
    assert not (tmp_path / "executed").exists()
    subprocess.run(probe, check=True, stdout=subprocess.DEVNULL)
    assert (tmp_path / "executed").exists(), "without precautions they are imported"


def test_another_thread_leaves_signals_alone() -> None:
    problems: list[BaseException] = []

    def enter(then: Callable[[], object] = lambda: None) -> None:
        try:
            with untouched([]):
                then()
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert not problems


def test_lines_go_to_the_file_and_to_whoever_listens_or_else_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    with logging_to(tmp_path / "first.log"):
        logging.getLogger("mine").info("a line")
    assert capsys.readouterr().out == "a line\n"
    assert "][mine][INFO] - a line" in (tmp_path / "first.log").read_text()
    assert not root.handlers
    monkeypatch.setattr(root, "handlers", [logging.NullHandler()])
    with logging_to(tmp_path / "second.log"):
        logging.getLogger("mine").info("a line")
    assert capsys.readouterr().out == ""
    assert "a line" in (tmp_path / "second.log").read_text()
