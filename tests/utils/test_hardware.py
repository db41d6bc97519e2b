import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gan_lab.utils import hardware
from gan_lab.utils.errors import UserError
from tests.conftest import REPOSITORY


@pytest.fixture
def cuda_devices(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: request.param)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize("cuda_devices", [0], indirect=True)
@pytest.mark.parametrize(
    ("accelerator", "devices", "precision", "message"),
    [
        ("gpu", "auto", "32-true", "trainer.accelerator=gpu: not on this machine, which has cpu"),
        ("mps", "auto", "32-true", "trainer.accelerator=mps: not on this machine"),
        ("auto", 99, "32-true", "trainer.devices=99: .* CPU cores; set trainer.devices="),
        ("auto", 1, "16-mixed", "set trainer.precision=bf16-mixed"),
    ],
)
def test_what_the_machine_has_not_got_is_refused(
    cuda_devices: None, accelerator: str, devices: int | str, precision: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        hardware.check(accelerator, devices, precision)


@pytest.mark.parametrize("cuda_devices", [1], indirect=True)
def test_a_gpu_takes_half_precision(cuda_devices: None) -> None:
    hardware.check("auto", "auto", "16-mixed")
    hardware.check("gpu", 1, "32-true")
    with pytest.raises(UserError, match="bf16-mixed"):
        hardware.check("cpu", 1, "16-mixed")


@pytest.mark.parametrize("cuda_devices", [1], indirect=True)
def test_processes_that_see_one_device_each_are_told_how_to_see_all(cuda_devices: None) -> None:
    with pytest.raises(UserError, match="started 8 processes .* each of which sees 1 CUDA device: .*--gpu-bind=none"):
        hardware.check("auto", 8, "32-true", started=True)


@pytest.mark.parametrize("cuda_devices", [4], indirect=True)
def test_as_many_devices_as_there_are(cuda_devices: None) -> None:
    hardware.check("gpu", 4, "32-true", sync_batchnorm=True)
    with pytest.raises(UserError, match="this machine has 4 CUDA devices; set trainer.devices=4"):
        hardware.check("gpu", 5, "32-true")


@pytest.mark.parametrize("cuda_devices", [0], indirect=True)
def test_compiling_is_tried_and_what_torch_says_is_passed_on(
    cuda_devices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(hardware, "why_not_compiled", lambda device: tried.append(device) or "no g++")
    hardware.check("auto", 1, "32-true")
    with pytest.raises(UserError, match=r"^trainer.compile=true .*: no g\+\+\. .* or set trainer.compile=false$"):
        hardware.check("auto", 1, "32-true", compile=True)
    assert tried == ["cpu"]


@pytest.mark.parametrize("accelerator", ["cuda", "cpu"])
@pytest.mark.parametrize("cuda_devices", [2], indirect=True)
def test_where_torch_sees_cuda_compiling_is_left_to_those_that_train(
    cuda_devices: None, accelerator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "check_compiler", lambda device: pytest.fail("makes a context"))
    hardware.check(accelerator, 2, "32-true", compile=True)


@pytest.mark.slow
def test_a_missing_compiler_is_one_line_before_anything_is_written(tmp_path: Path) -> None:
    """A program of its own: torch looks for a compiler once."""
    program = [sys.executable, str(REPOSITORY / "train.py"), "trainer.accelerator=cpu", "trainer.compile=true"]
    environment = {name: value for name, value in os.environ.items() if name != "CXX"} | {"PATH": str(tmp_path)}
    ended = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("Error: trainer.compile=true doesn't work here: InvalidCxxCompiler")
    assert list(tmp_path.iterdir()) == []


def test_two_processes_can_be_tried_on_any_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    hardware.check("cpu", 2, "32-true")
    with pytest.raises(UserError, match="sync_batchnorm=true: torch synchronises batch norm on CUDA devices only"):
        hardware.check("cpu", 2, "32-true", sync_batchnorm=True)


def test_glibc_agrees_to_keep_memory_and_others_are_left_alone() -> None:
    assert hardware.keep_freed_memory() == (platform.libc_ver()[0] == "glibc")


@pytest.mark.parametrize(("available", "expected"), [(False, ""), (True, "0,1")])
def test_only_a_machine_without_cuda_stops_looking(
    available: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    hardware.stop_looking_for_cuda()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


@pytest.mark.parametrize("cuda_devices", [0, 2], indirect=True)
def test_a_device_is_there_or_refused(cuda_devices: None) -> None:
    count = torch.cuda.device_count()
    assert hardware.device("auto") == torch.device("cuda:0" if count else "cpu")
    assert hardware.device("cpu") == torch.device("cpu")
    if count:
        assert [hardware.device(name) for name in ("cuda", "cuda:1")] == [torch.device("cuda"), torch.device("cuda:1")]
    there = "cuda:0, cuda:1, cpu" if count else "cpu"
    for name in ("cuda:2", "mps", "abacus"):
        with pytest.raises(UserError, match=f"--device {name}: not on this machine, which has {there}"):
            hardware.device(name)
