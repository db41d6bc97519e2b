"""The launchers and the sweeper that people use: each gives every job its folder, and the sweeper its objective."""

from pathlib import Path

import pytest
import yaml

from gan_lab.cli import main
from gan_lab.runs.run import Run
from tests.conftest import QUICK, Command, folder_of, plant_modules, started
from tests.training.test_scores import SCORED

SWEEP = ("-m", *(argument for argument in QUICK if not argument.startswith("hydra")), "sweep.dir=sweep")
LAUNCHERS = {
    "basic": ("hydra", []),
    "joblib": ("hydra_plugins.hydra_joblib_launcher", ["hydra.launcher.n_jobs=2"]),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", []),
    "ray": ("hydra_plugins.hydra_ray_launcher", ["+hydra.launcher.ray.init.num_cpus=2"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_every_launcher_does_what_is_missing_and_names_what_failed(
    launcher: str, command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin, options = LAUNCHERS[launcher]
    pytest.importorskip(plugin, reason="the extra of this launcher is not installed")
    chosen = [f"hydra/launcher={launcher}", *options]
    # One of the two diverges: it costs itself alone.
    message = str(command(*SWEEP, *chosen, "model.optimizer.generator.lr=1e30,1e-3"))
    assert message.startswith("Error: 1 of 2 jobs did not finish")
    assert "0    stopped  model.optimizer.generator.lr=1e+30  stopped at batch 2" in message
    assert Run.open(folder_of(1)).state() == "finished"
    assert Run(folder_of(1)).record()["batches"] == 6
    capsys.readouterr()
    main(["status", "sweep"])
    assert "2 jobs: 1 stopped, 1 finished" in capsys.readouterr().out


@pytest.mark.slow
def test_optuna_minimises_the_fid_and_finds_its_trials_again(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="the extra sweep is not installed")
    quick = [argument for argument in SCORED if not argument.startswith("hydra")]
    space = "model.optimizer.generator.lr=tag(log,interval(1e-5,1e-2))"
    sweeper = ["hydra/sweeper=optuna", "hydra.sweeper.n_jobs=1", "hydra.sweeper.sampler.seed=1"]
    search = ["-m", *quick, *sweeper, space, "sweep.dir=sweep"]
    assert command(*search, "hydra.sweeper.n_trials=2") is None
    first = [Run(folder_of(trial)).record_file.stat().st_mtime_ns for trial in range(2)]
    assert command(*search, "hydra.sweeper.n_trials=4") is None
    assert [Run(folder_of(trial)).record_file.stat().st_mtime_ns for trial in range(2)] == first
    fids = [Run.open(folder_of(trial)).objective() for trial in range(4)]
    assert yaml.safe_load(Path("sweep/optimization_results.yaml").read_text())["best_value"] == min(fids)  # type: ignore[type-var]
    assert "4 jobs: 4 finished. Best so far: FID" in capfd.readouterr().out
    main(["compare", "sweep"])
    assert "model.optimizer.generator.lr=" in capfd.readouterr().out


@pytest.mark.slow
def test_a_search_without_a_fid_says_so(command: Command) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="the extra sweep is not installed")
    options = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=1", "hydra.sweeper.n_jobs=1"]
    message = str(command(*SWEEP, *options, "model.optimizer.generator.lr=interval(1e-4,1e-3)"))
    assert "this sweep goes by a score while training, and there is none: callbacks.scores" in message


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_no_process_of_a_sweep_imports_what_lies_in_the_current_folder(launcher: str, tmp_path: Path) -> None:
    plugin, options = LAUNCHERS[launcher]
    pytest.importorskip(plugin, reason="the extra of this launcher is not installed")
    plant_modules(tmp_path)
    program = started(tmp_path, *SWEEP, f"hydra/launcher={launcher}", *options, "seed=1,2", PYTHONSAFEPATH="")
    output, _ = program.communicate(timeout=300)
    assert program.returncode == 0, output
    assert not (tmp_path / "executed").exists()
    # Ray's workers begin in another folder.
    assert [Run.open(folder_of(job, tmp_path / "sweep")).state() for job in range(2)] == ["finished", "finished"]
