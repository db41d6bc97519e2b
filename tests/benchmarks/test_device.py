"""What the CPU says in place of a card."""

import subprocess
import sys

from tests.conftest import REPOSITORY

GROWS = """
from benchmarks.gpu.device import peak_of_process
before = peak_of_process()
kept = b"x" * (64 << 20)
print(peak_of_process() - before)
"""


def test_a_peak_is_the_processs_own() -> None:
    ballast = b"x" * (640 << 20)  # more than the other process ever has
    done = subprocess.run([sys.executable, "-c", GROWS], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 60 << 20
    assert len(ballast) > int(done.stdout)
