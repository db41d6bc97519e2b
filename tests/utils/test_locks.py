import subprocess
import sys
from pathlib import Path

import pytest

from gan_lab.utils.locks import Busy, held, is_held, take
from tests.conftest import REPOSITORY

HOLDER = "import sys, time; from pathlib import Path; from gan_lab.utils.locks import take\n"
HOLDER += "lock = take(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"


def test_one_holds_it_and_the_file_goes_with_it(tmp_path: Path) -> None:
    file = tmp_path / ".lock"
    assert not is_held(file)
    with held(file):
        assert is_held(file)
        with pytest.raises(Busy):
            take(file)
    assert not is_held(file)
    assert list(tmp_path.iterdir()) == []


def test_it_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / ".lock"
    program = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(program, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_held(file)
        process.kill()
    assert file.exists()
    assert not is_held(file)
    with held(file):
        pass
