"""Kills a short run at random moments, resumes it each time, and compares what it leaves with an uninterrupted one.

    python -m tests.training.kills --moments 50

prints a table. A run is a process that is forked from one which has imported everything already; SIGKILL ends it, or
another signal. With `--full-disk` no file can be written for a while before that.
"""

import argparse
import os
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gan_lab.callbacks.sample_grid import SampleGrid
from gan_lab.callbacks.scores import Scores
from gan_lab.cli import train
from gan_lab.data import mnist
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from gan_lab.training.loggers import MetricsCSV
from tests.training.leftovers import differing, left

# A critic that learns alone on two of three batches, grids, scores, health and checkpoints at odd moments.
OPTIONS = (
    "model=wgan_gp",
    "model/network=mlp",
    "model.network.generator.hidden=[16]",
    "model.network.discriminator.hidden=[16]",
    "model.n_critic=3",
    "data.download=false",
    "data.batch_size=100",
    "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false",
    "trainer.max_steps=100",
    "trainer.log_every_n_steps=4",
    "callbacks.samples.rows=2",
    "callbacks.samples.columns=2",
    "callbacks.samples.every_n_images=900",
    "callbacks.scores.every_n_images=1500",
    "callbacks.scores.at_least=0",
    "callbacks.scores.count_during=20",
    "callbacks.scores.real_during=20",
    "callbacks.scores.groups_during=[fid]",
    "callbacks.scores.count=100",
    "callbacks.scores.groups=[fid,manifold]",
    "callbacks.scores.cache=cache",
    "callbacks.health.every_n_images=2000",
    "callbacks.health.images=16",
    "callbacks.checkpoint.every_n_images=700",
)
# What a run is found at: which function it was last in, and not yet out of.
PLACES: dict[str, tuple[type, str]] = {
    "a step": (AdversarialModule, "training_step"),
    "saving": (AtomicCheckpointIO, "save_checkpoint"),
    "scoring": (Scores, "_scored"),
    "drawing a grid": (SampleGrid, "save_grid"),
    "writing metrics.csv": (MetricsCSV, "_write"),
    "writing run.json": (Run, "write_record"),
}
BETWEEN = len(PLACES)


class Kill(NamedTuple):
    """One trial."""

    after: float  # seconds since the run's folder appeared, or, with a full disk, since the first checkpoint
    place: str
    batches: int  # that had been trained on
    saved: int | None  # batches in the checkpoint that was there
    ended: bool  # before it could be killed
    differing: list[str]


class FullDisk(NamedTuple):
    """A time in which a run can write no file."""

    begin: float  # seconds after the first checkpoint
    length: float | None  # seconds; None for the rest of its life


def fill(process: int, full: FullDisk, seconds: float) -> None:
    """Sleep, and let a process write no file meanwhile: it meets the error of a file that may not grow.

    What is written to a pipe gets through.
    """
    end = time.monotonic() + seconds
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    time.sleep(full.begin)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (0, before[1]))
    if full.length is not None:
        time.sleep(min(full.length, max(0.0, end - time.monotonic())))
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)
    time.sleep(max(0.0, end - time.monotonic()))


class Watched:
    """Runs in processes of their own, which tell through shared memory what they are at."""

    def __init__(self) -> None:
        self.memory = mmap(-1, 16)
        self.originals: dict[str, Callable[..., Any]] = {}

    def live(self, options: Iterable[str], folder: str, since: str) -> float:
        """Let a run come to its end, in a folder; returns the seconds that it lived after a file was there."""
        whole = self.start(*options, f"hydra.run.dir={folder}")
        wait_for(Path(since), whole)
        start = time.monotonic()
        assert finished(whole) == 0, Path("output.txt").read_text()
        return time.monotonic() - start

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Have those that are started from now on tell."""
        for number, (name, (owner, method)) in enumerate(PLACES.items()):
            self.originals[name] = getattr(owner, method)
            setattr(owner, method, self._noting(number, self.originals[name]))
        substitute = mnist.substitute
        loaded = {split: substitute(split) for split in ("train", "test")}
        mnist.substitute = loaded.__getitem__
        try:
            yield
        finally:
            mnist.substitute = substitute
            for name, (owner, method) in PLACES.items():
                setattr(owner, method, self.originals[name])

    def _noting(self, number: int, original: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            before, batches = self.read()
            if isinstance(arguments[0], AdversarialModule):
                batches = arguments[0].global_step
            self.write(number, batches)
            result = original(*arguments, **options)
            self.write(before, batches + (isinstance(arguments[0], AdversarialModule)))
            return result

        return noted

    def read(self) -> tuple[int, int]:
        """The number of the place, and the batches that have been trained on."""
        number, batches = struct.unpack_from("qq", self.memory)
        return number, batches

    def write(self, number: int, batches: int) -> None:
        """Tell."""
        struct.pack_into("qq", self.memory, 0, number, batches)

    def start(self, *arguments: str) -> int:
        """Start `train.py` in the working directory; returns the process."""
        self.write(BETWEEN, 0)
        sys.stdout.flush()
        child = os.fork()
        if child:
            return child
        code: Any = 1
        try:
            output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.argv = ["train.py", *arguments]
            train.main()
            code = 0
        except SystemExit as ending:
            print(ending.code)
            code = ending.code if isinstance(ending.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)


def finished(child: int) -> int:
    """The exit code, once it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_for(file: Path, child: int) -> None:
    """Until the file is there, or the process has ended."""
    while not file.exists() and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.001)


def kills(
    moments: int,
    seed: int,
    number: signal.Signals = signal.SIGKILL,
    options: tuple[str, ...] = OPTIONS,
    *,
    full_disk: bool = False,
) -> Iterator[Kill]:
    """Send a run a signal at so many moments of its life, in the working directory; yields each trial.

    Args:
        moments: how many.
        seed: of the moments.
        number: the signal.
        options: of the run.
        full_disk: whether the run can write no file for a random time before every second signal, and until each.
    """
    torch.set_num_threads(1)  # threads don't survive a fork
    watched = Watched()
    with watched.telling():
        life = watched.live(options, "whole", since="whole")
        expected = left("whole")
        chance = random.Random(seed)
        for trial_number in range(moments):
            folder = Path(f"killed_{trial_number}")
            moment = chance.random() * life
            full = None
            if full_disk:
                full = FullDisk(chance.random() * moment, None if trial_number % 2 else chance.random() * life / 4)
            yield trial(watched, folder, moment, number, options, expected, full)


def trial(
    watched: Watched,
    folder: Path,
    moment: float,
    number: signal.Signals,
    options: tuple[str, ...],
    expected: dict[str, Any],
    full: FullDisk | None = None,
) -> Kill:
    """Kill a run, resume it, compare."""
    child = watched.start(*options, f"hydra.run.dir={folder}")
    wait_for(Run(folder).checkpoint if full else folder, child)
    if full:
        fill(child, full, moment)
    else:
        time.sleep(moment)
    os.kill(child, number)
    ended = (code := finished(child)) == 0
    assert code in (0, -number, 128 + number) or (full and code == 1), Path("output.txt").read_text()
    place, batches = watched.read()
    run = Run(folder)
    saved = run.load_checkpoint()["global_step"] if run.has_checkpoint else None
    begun = run.record_file.exists() and run.config_file.exists()
    again = [f"resume={folder}"] if begun else [*options, f"hydra.run.dir={folder}"]
    assert finished(watched.start(*again)) == 0, Path("output.txt").read_text()
    where = [*PLACES, "between"][place]
    names = differing(left(str(folder)), expected)
    if full:  # checkpoints know what waited to be written when they were saved, and may be the only ones
        saved_apart = re.compile(r"/(best|last)/.*/(waiting|rows)")
        names = [name for name in names if not saved_apart.match(name)]
    return Kill(moment, where if begun else "start-up", batches, saved, ended, names)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=50, help="how many (50)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (1)")
    parser.add_argument("--signal", default="SIGKILL", help="which one (SIGKILL)")
    parser.add_argument("--full-disk", action="store_true", help="have no file written for a while before")
    parsed = parser.parse_args()
    print("| # | killed after | at batch | in | checkpoint of batch | resumed run |\n|---:|---:|---:|---|---:|---|")
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        trials = kills(parsed.moments, parsed.seed, signal.Signals[parsed.signal], full_disk=parsed.full_disk)
        for number, kill in enumerate(trials, start=1):
            outcome = "same bits" if not kill.differing else f"differs: {', '.join(sorted(kill.differing)[:5])}"
            if kill.ended:
                outcome += " (had ended)"
            wrong += bool(kill.differing)
            saved = "none" if kill.saved is None else kill.saved
            print(
                f"| {number} | {kill.after:.2f} s | {kill.batches} | {kill.place} | {saved} | {outcome} |", flush=True
            )
        os.chdir("/")
    print(
        f"\n{parsed.moments} kills, {parsed.moments - wrong} of the resumed runs with the bits of the uninterrupted one"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
