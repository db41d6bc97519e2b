"""The wheel: it trains in an empty folder, far from the checkout."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from gan_lab.runs.run import Run
from gan_lab.utils.run_layout import job_number
from tests.conftest import CONF, QUICK, REPOSITORY


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel brings, as pip installs it."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    wheel = [*pip, "wheel", str(REPOSITORY), *offline, "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run(wheel, check=True)
    (file,) = folder.glob("gan_lab_lightning-*.whl")
    subprocess.run([*pip, "install", str(file), *offline, "--target", str(folder / "site")], check=True)
    return folder / "site"


def test_it_has_the_configuration_and_says_that_it_is_typed(installed: Path) -> None:
    package = installed / "gan_lab"
    assert (package / "py.typed").is_file()
    for file in CONF.rglob("*.yaml"):
        assert (package / "conf" / file.relative_to(CONF)).read_bytes() == file.read_bytes()
    check = runpy.run_path(str(REPOSITORY / ".ci" / "check_dist"))
    (wheel,) = installed.parent.glob("*.whl")
    assert check["problems_of_wheel"](wheel, check["expected"]()) == []


@pytest.mark.slow
def test_it_trains_sweeps_and_goes_on_where_one_types(installed: Path, tmp_path: Path) -> None:
    def gan_lab(*arguments: str) -> str:
        program = [sys.executable, str(installed / "bin/gan-lab"), *arguments]
        environment = os.environ | {"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    few = [option for option in QUICK if not option.startswith("hydra.run.dir")]
    gan_lab("train", *few)
    (run,) = (tmp_path / "logs/runs").iterdir()
    assert str(installed / "gan_lab/conf") in (run / ".hydra/hydra.yaml").read_text()
    gan_lab("train", f"resume={run}", "trainer.max_steps=8")
    gan_lab("train", "-m", *few, "seed=1,2")
    (sweep,) = (tmp_path / "logs/sweeps").iterdir()
    assert {job_number(job.name) for job in sweep.iterdir() if job.is_dir()} == {"0", "1"}
    assert Run(run).record()["git_commit"] is None
    assert "_target_: gan_lab.models.vanilla.VanillaGAN" in gan_lab("train", *few, "--cfg", "job")
    assert {place.name for place in tmp_path.iterdir()} <= {"logs", "data"}
    gan_lab("new", "my_gan")
    assert (tmp_path / "my_gan/my_gan/variant.py").is_file()
