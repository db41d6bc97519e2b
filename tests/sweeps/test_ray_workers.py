"""The configuration that Ray gets; tests/sweeps/test_launchers.py runs sweeps under it."""

import os
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from gan_lab.sweeps import ray_workers
from gan_lab.utils import child_pythons
from gan_lab.utils.errors import UserError

RAY = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"
AWS = "hydra_plugins.hydra_ray_launcher.ray_aws_launcher.RayAWSLauncher"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "")


def hydra(target: str = RAY, cwd: str = "/", chdir: bool | None = None, **init: Any) -> Any:
    """Hydra's own configuration, as closed and read-only as Hydra has it."""
    launcher = {"_target_": target, "ray": {"init": {"address": None, **init}, "remote": {}}}
    config = OmegaConf.create({"launcher": launcher, "runtime": {"cwd": cwd}, "job": {"chdir": chdir}})
    OmegaConf.set_struct(config, True)
    OmegaConf.set_readonly(config, True)
    return config


@pytest.mark.parametrize(("target", "expected"), [(RAY, True), (AWS, False), ("x.BasicLauncher", False)])
def test_rays_own_launcher_is_told_from_others(target: str, expected: bool) -> None:
    assert ray_workers.are_used(hydra(target)) is expected


@pytest.mark.parametrize("address", [None, "local"])
def test_workers_on_this_machine_begin_in_an_empty_folder_that_is_ours(address: str | None) -> None:
    config = hydra(address=address, num_cpus=2)
    ray_workers.keep_from_current_folder(config)
    init = OmegaConf.to_container(config.launcher.ray.init)
    folder = Path(init["runtime_env"]["working_dir"])  # type: ignore[call-overload,index]
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o077 == 0, "nobody else can put modules there"
    environment = child_pythons.environment()
    wanted = {"working_dir": str(folder), "env_vars": environment}
    assert init == {"address": address, "num_cpus": 2, "runtime_env": wanted}


def test_what_the_user_says_of_their_environment_wins() -> None:
    given = {"working_dir": "/mine", "env_vars": {"PYTHONPATH": "/modules", "MINE": "1"}, "pip": ["a"]}
    config = hydra(runtime_env=given)
    ray_workers.keep_from_current_folder(config)
    variables = {"PYTHONSAFEPATH": "1", "PYTHONPATH": "/modules", "MINE": "1"}
    assert config.launcher.ray.init.runtime_env == {"working_dir": "/mine", "env_vars": variables, "pip": ["a"]}


@pytest.mark.parametrize(
    ("address", "variable", "unchanged"),
    [("auto", "", True), ("ray://head:10001", "", True), (None, "head:6379", True), ("local", "head:6379", False)],
)
def test_a_cluster_is_left_as_it_is(
    address: str | None, variable: str, unchanged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", variable)
    config = hydra(address=address)
    ray_workers.keep_from_current_folder(config)
    assert (config == hydra(address=address)) is unchanged


def test_an_environment_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(UserError, match=r"hydra.launcher.ray.init.runtime_env=mine: must be a mapping"):
        ray_workers.keep_from_current_folder(hydra(runtime_env="mine"))


def test_uv_does_not_copy_the_current_folder_unless_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV")
    ray_workers.keep_from_current_folder(hydra())
    assert os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0"
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "1")
    ray_workers.keep_from_current_folder(hydra())
    assert os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "1"


@pytest.mark.parametrize(
    ("target", "chdir", "there", "moves"),
    [
        (RAY, None, True, True),
        (RAY, False, True, True),
        (RAY, True, True, False),  # the user wants it to work in its run folder
        (RAY, None, False, False),  # another machine
        ("x.BasicLauncher", None, True, False),
    ],
)
def test_a_job_works_where_the_sweep_was_typed(
    target: str, chdir: bool | None, there: bool, moves: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed, worker = tmp_path / "typed", tmp_path / "worker"
    for folder in (typed, worker) if there else (worker,):
        folder.mkdir()
    monkeypatch.chdir(worker)
    ray_workers.go_where_it_was_typed(hydra(target, cwd=str(typed), chdir=chdir))
    assert Path.cwd() == (typed if moves else worker)
