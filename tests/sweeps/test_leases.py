import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from gan_lab.sweeps import leases
from gan_lab.sweeps.leases import gpus, leased
from gan_lab.utils.errors import UserError

MACHINE = ["GPU-a", "GPU-b", "GPU-c"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of three GPUs, whose leases nobody else knows."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(leases, "uuids", lambda: MACHINE)
    monkeypatch.setattr(leases, "PAUSE", 0.01)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("visible", "count", "expected"),
    [
        (None, 3, MACHINE),
        ("1", 1, ["GPU-b"]),
        ("2,0", 2, ["GPU-c", "GPU-a"]),
        ("GPU-b", 1, ["GPU-b"]),
        ("MIG-x,MIG-y", 2, ["MIG-x", "MIG-y"]),
        ("0,9", 1, ["GPU-a"]),  # CUDA stops at the first that there is not
        ("", 0, []),
    ],
)
def test_only_what_a_scheduler_shows_is_leased(
    visible: str | None, count: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus(count) == expected


def test_without_the_drivers_tool_devices_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "uuids", list)
    assert gpus(2) == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert gpus(1) == ["3"]


def test_the_drivers_tool_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho GPU-1\necho GPU-2\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert leases.uuids() == ["GPU-1", "GPU-2"]
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert leases.uuids() == []


def test_each_takes_one_that_is_free_and_an_idle_one_first() -> None:
    with leased(MACHINE, 1, 2) as first, leased(MACHINE, 1, 2) as second, leased(MACHINE, 1, 2) as third:
        assert [*first, *second, *third] == MACHINE
        with leased(MACHINE, 1, 2) as fourth:
            assert fourth == ["GPU-a"]
    with leased(MACHINE, 2, 1) as both:
        assert both == ["GPU-a", "GPU-b"]


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(UserError, match="trainer.devices=4: this job may use 3"), leased(MACHINE, 4, 1):
        pass


@pytest.mark.parametrize(("wanted", "jobs_per_device"), [(1, 1), (2, 1), (1, 2)])
def test_never_more_jobs_on_a_device_than_asked(
    wanted: int, jobs_per_device: int, capsys: pytest.CaptureFixture[str]
) -> None:
    busy: Counter[str] = Counter()
    most: Counter[str] = Counter()
    guard, everyone = threading.Lock(), threading.Barrier(12)
    together = threading.Barrier(3 * jobs_per_device // wanted, timeout=60)  # so many hold one at once, however slowly

    def job() -> None:
        everyone.wait()
        with leased(MACHINE, wanted, jobs_per_device) as devices:
            assert len(set(devices)) == wanted
            with guard:
                busy.update(devices)
                most.update({device: max(0, busy[device] - most[device]) for device in devices})
            together.wait()
            time.sleep(0.05)
            with guard:
                busy.subtract(devices)

    threads = [threading.Thread(target=job) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most.values()) == jobs_per_device
    assert sum(busy.values()) == 0
    waited = [line for line in capsys.readouterr().out.splitlines() if line]
    assert set(waited) == {f"Waiting for {wanted} free GPU{'s' if wanted > 1 else ''} of 3"}
    assert len(waited) <= 12  # a line each at most, however often they look
