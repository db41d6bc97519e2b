"""Kills one of the two processes that train a run, or the program that waits for them, and resumes the run each time.

    python -m tests.training.worker_kills --moments 24

prints a table. What each run leaves is compared with what an uninterrupted one does.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from gan_lab.runs.run import Run
from tests.training.kills import Watched, finished, wait_for
from tests.training.leftovers import differing, left

# Batch norm, whose statistics the processes share, in the generator and in its moving average, which draw the grids.
OPTIONS = (
    "model=dcgan",
    "model/network=dcgan_small",
    "model.network.generator.width=2",
    "model.network.discriminator.width=2",
    "model.ema_half_life=1000",
    "data.download=false",
    "data.batch_size=16",
    "trainer.accelerator=cpu",
    "trainer.devices=2",
    "trainer.enable_progress_bar=false",
    "trainer.max_steps=90",
    "trainer.log_every_n_steps=4",
    "callbacks.samples.rows=8",
    "callbacks.samples.columns=8",
    "callbacks.samples.weights=both",
    "callbacks.samples.every_n_images=150",
    "callbacks.scores.every_n_images=500",
    "callbacks.scores.at_least=0",
    "callbacks.scores.count_during=20",
    "callbacks.scores.real_during=20",
    "callbacks.scores.groups_during=[fid]",
    "callbacks.scores.count=100",
    "callbacks.scores.groups=[fid]",
    "callbacks.scores.cache=cache",
    "callbacks.health.every_n_images=700",
    "callbacks.health.images=16",
    "callbacks.checkpoint.every_n_images=350",
)
GRIDS = 20  # pairs of files that such a run draws, about

Victim = Literal["rank 0", "rank 1", "program"]
VICTIMS: tuple[Victim, ...] = ("rank 0", "rank 1", "program")


class WorkerKill(NamedTuple):
    """One trial."""

    victim: Victim
    moment: str
    saved: int | None  # batches in the checkpoint that was there
    ended: bool  # before it could be killed
    differing: list[str]


def workers() -> dict[str, int]:
    """This process's workers, by rank, as far as they have started."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            variables = dict(line.split("=", 1) for line in (place / "environ").read_text().split("\0") if "=" in line)
        except OSError:
            continue
        if b"gan_lab.training.worker" in words and variables.get("RUN_OF") == str(os.getpid()):
            found[f"rank {variables['RANK']}"] = int(place.name)
    return found


def worker_kills(moments: int, seed: int, options: tuple[str, ...] = OPTIONS) -> Iterator[WorkerKill]:
    """Kill a process of a run at so many moments, in the working directory; yields each trial.

    Every second moment is one at which a grid is being written. Each of the victims has its turn.
    """
    torch.set_num_threads(1)  # threads don't survive a fork
    os.environ["RUN_OF"] = str(os.getpid())
    watched = Watched()
    with watched.telling():
        life = watched.live(options, "whole", since="whole/checkpoints/last.ckpt")
        expected = left("whole")
        chance = random.Random(seed)
        for number in range(moments):
            victim = VICTIMS[number % len(VICTIMS)]
            grids = chance.randrange(2 * GRIDS) if number % 2 else None
            after = chance.uniform(-0.2, 1.0) * life if grids is None else 0.0
            yield trial(watched, Path(f"killed_{number}"), victim, after, grids, options, expected)


def trial(
    watched: Watched,
    folder: Path,
    victim: Victim,
    after: float,
    grids: int | None,
    options: tuple[str, ...],
    expected: dict[str, Any],
) -> WorkerKill:
    """Kill a process, see all others end, resume, compare.

    Args:
        after: seconds since the first checkpoint, or, below zero, since the workers were there;
        grids: instead, kill while another file is written than these many.
    """
    program = watched.start(*options, f"hydra.run.dir={folder}")
    samples = folder / "samples"
    if grids is not None:
        wait_for_grid(samples, grids, program)
    elif after < 0:
        while len(workers()) < 2:
            time.sleep(0.01)
        time.sleep(-after)
    else:
        wait_for(folder / "checkpoints/last.ckpt", program)
        time.sleep(after)
    prey = program if victim == "program" else workers().get(victim)
    if prey is not None:
        os.kill(prey, signal.SIGKILL)
    code = finished(program)
    assert code in (0, 1, -signal.SIGKILL), Path("output.txt").read_text()
    while workers():
        time.sleep(0.01)
    run = Run(folder)
    saved = run.load_checkpoint()["global_step"] if run.has_checkpoint else None
    begun = run.record_file.exists() and run.config_file.exists()
    again = [f"resume={folder}"] if begun else [*options, f"hydra.run.dir={folder}"]
    assert finished(watched.start(*again)) == 0, Path("output.txt").read_text()
    moment = f"file {grids + 1} of the grids" if grids is not None else f"{after:+.2f} s"
    return WorkerKill(victim, moment, saved, code == 0, differing(left(str(folder)), expected))


def wait_for_grid(samples: Path, count: int, program: int) -> None:
    """Until another file than these many is being written, or the program has ended."""
    while os.waitid(os.P_PID, program, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        names = [path.name for path in samples.iterdir()] if samples.exists() else []
        done = sum(name.endswith(".png") for name in names)
        if done > count or (done == count and len(names) > done):
            return


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=24, help="how many (24)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (1)")
    parsed = parser.parse_args()
    print("| # | killed | at | checkpoint of batch | resumed run |\n|---:|---|---:|---:|---|")
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        for number, kill in enumerate(worker_kills(parsed.moments, parsed.seed), start=1):
            outcome = "same bits" if not kill.differing else f"differs: {', '.join(sorted(kill.differing)[:5])}"
            if kill.ended:
                outcome += " (had ended)"
            wrong += bool(kill.differing)
            saved = "none" if kill.saved is None else kill.saved
            print(f"| {number} | {kill.victim} | {kill.moment} | {saved} | {outcome} |", flush=True)
        os.chdir("/")
    print(
        f"\n{parsed.moments} kills, {parsed.moments - wrong} of the resumed runs with the bits of the uninterrupted one"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
