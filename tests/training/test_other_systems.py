"""What Windows and macOS lack is not needed to train on one device, to sample and to evaluate.

Neither was at hand, so this takes the names away that they lack. Libraries keep them: they have a form for each system,
and are here in that of Linux.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import QUICK, REPOSITORY
from tests.test_architecture import FILES, PACKAGE

LACKING = {
    "signal": "SIGUSR1 SIGUSR2 SIGHUP SIGQUIT SIGKILL SIGCHLD SIGALRM SIGSTOP SIGCONT SIGTSTP pthread_sigmask",
    "os": "killpg setpgid getpgid setsid getpgrp getuid geteuid getgid getegid getgroups fork forkpty uname wait "
    "sched_getaffinity sched_setaffinity sysconf statvfs fstatvfs mkfifo mknod chown lchown fchown fchmod link "
    "getloadavg nice ttyname openpty O_NOFOLLOW O_NONBLOCK O_DIRECTORY O_CLOEXEC O_TMPFILE "
    "posix_fallocate posix_fadvise sendfile preadv pwritev getrandom memfd_create eventfd",
    "select": "poll epoll kqueue",
}
MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix")
# Where such a name stands: behind a question whether it is there, or on the way to several devices.
GUARDED = {
    "sweeps/jobs.py": {"os.setpgid"},
    "utils/files.py": {"os.link"},
    "utils/memory.py": {"os.sysconf"},
    "utils/parent.py": {"signal.SIGKILL"},
    "utils/signals.py": {"select.poll"},
}
SHORT = (
    *(argument for argument in QUICK if not argument.startswith(("hydra", "callbacks.scores", "trainer.max_steps"))),
    "trainer.max_steps=3",
    *(f"callbacks.scores.{each}" for each in ("count=8", "count_during=8", "real_during=64", "groups=[fid]")),
    "callbacks.scores.groups_during=[fid]",
)
PROGRAM = f"""
import importlib, os, pkgutil, select, signal, sys, types
import gan_lab

def modules():
    return [module.name for module in pkgutil.walk_packages(gan_lab.__path__, "gan_lab.")]

for name in modules():
    importlib.import_module(name)
for name in [name for name in sys.modules if name.partition(".")[0] == "gan_lab"]:
    del sys.modules[name]
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
OmegaConf.clear_resolvers()
lacking = {LACKING!r}
for owner in lacking:
    whole = types.ModuleType(owner)
    vars(whole).update(vars(sys.modules[owner]))
    for module in list(sys.modules.values()):
        known = getattr(module, "__dict__", dict())
        if known is not globals() and known.get(owner) is sys.modules[owner]:
            known[owner] = whole  # libraries have a form for each system
for owner, names in lacking.items():
    for name in names.split():
        if hasattr(sys.modules[owner], name):
            delattr(sys.modules[owner], name)
for name in {MODULES!r}:
    sys.modules[name] = None
try:
    import fcntl
except ImportError:
    pass
else:
    sys.exit("fcntl is still there")

import gan_lab
for name in modules():
    importlib.import_module(name)
from gan_lab.cli import main
from gan_lab.training.train import train
with initialize_config_dir({str(REPOSITORY / "conf")!r}, version_base="1.3"):
    config = compose("train", {list(SHORT)!r})
train(config, "run")
main(["sample", "run", "--count", "4", "--device", "cpu"])
main(["sample", "run", "--count", "4", "--device", "cpu", "--out", "images"])
main(["evaluate", "run", "--count", "8", "--device", "cpu"])
assert not hasattr(signal, "SIGUSR1") and not hasattr(os, "O_NOFOLLOW")
"""


@pytest.mark.slow
def test_one_device_needs_nothing_that_other_systems_lack(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    program = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"samples.png", "images", "run"} <= {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "run/checkpoints/last.ckpt").is_file()
    assert list((tmp_path / "run/evaluations").glob("*.json"))


FEW_SIGNALS = f"""
import os, select, signal
for name in {LACKING["signal"]!r}.split():
    delattr(signal, name)
del select.poll
from gan_lab.utils import signals
assert signals.ASKING_TO_STOP == (signal.SIGINT, signal.SIGTERM), signals.ASKING_TO_STOP
assert (signals.KILL, signals.END_ALL, signals.TIME_IS_UP) == (signal.SIGTERM, signal.SIGTERM, None)
received = []
with signals.handled(lambda number, frame: received.append(number)):
    os.kill(os.getpid(), signal.SIGTERM)
assert received == [signal.SIGTERM]
signals.leave_terminal()
print("printed")
"""


def test_signals_are_known_where_most_are_lacking() -> None:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    program = [sys.executable, "-c", FEW_SIGNALS]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("printed\n", "")


def lacking_names(path: Path) -> Iterator[str]:
    """The names in a file that other systems lack, and the modules."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in LACKING.get(node.value.id, "").split():
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in (*MODULES, *LACKING):
            taken = (name.name for name in node.names)
            yield from (f"{node.module}.{name}" for name in taken if name in LACKING.get(node.module, name).split())


def test_what_other_systems_lack_is_named_in_few_places() -> None:
    found = {str(path.relative_to(PACKAGE)): set(lacking_names(path)) for path in FILES}
    assert {place: names for place, names in found.items() if names} == GUARDED
