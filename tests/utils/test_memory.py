import os
from pathlib import Path

import pytest
import torch

from gan_lab.utils import memory


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, Path]:
    """A Linux machine with 8,000,000 kB to give."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000000 kB\nMemFree: 1 kB\nMemAvailable:    8000000 kB\n")
    (tmp_path / "proc/self/cgroup").write_text("0::/job/step\n")
    (tmp_path / "cgroup/job/step").mkdir(parents=True)
    return {"proc": tmp_path / "proc", "cgroup": tmp_path / "cgroup"}


def limit(group: Path, most: str, used: int) -> None:
    (group / "memory.max").write_text(f"{most}\n")
    (group / "memory.stat").write_text(f"anon {used}\nfile 999999\n")


def test_cached_files_count_as_available(machine: dict[str, Path]) -> None:
    assert memory.available(**machine) == 8_000_000 * 1024


def test_the_tightest_limit_around_the_process_counts(machine: dict[str, Path]) -> None:
    limit(machine["cgroup"] / "job/step", "max", 5)
    limit(machine["cgroup"] / "job", "1000000", 300_000)
    assert memory.available(**machine) == 700_000


def test_elsewhere_it_is_half_of_what_is_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert memory.available(proc=tmp_path) == 1000 * 4096 // 2


def test_where_the_system_tells_nothing_a_guess_has_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(memory.os, "sysconf")
    assert memory.available(proc=tmp_path) == memory.UNKNOWN == 8 * 1024**3


def test_this_machine_has_some_and_no_more_than_is_built_in() -> None:
    built_in = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert built_in / 1000 < memory.available() <= built_in


@pytest.mark.parametrize(
    ("values", "most", "expected"),
    [(784, 512, 512), (3 * 32**2, 500, 500), (3 * 64**2, 500, 336), (3 * 256**2, 512, 16), (3 * 1024**2, 512, 16)],
)
def test_of_large_images_fewer_are_made_at_a_time(values: int, most: int, expected: int) -> None:
    """4,194,304 values: 341 images of 12,288 each, or 21 of 196,608, in multiples of 16."""
    assert memory.at_once(values, most) == expected


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def too_much() -> Exception:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize(
    ("error", "amount"),
    [
        (MemoryError(), ""),
        (MemoryError("Unable to allocate 93.1 GiB for an array with shape (100000, 1000000)"), ""),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has"), "20.00 MiB"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), ""),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), ""),
        (too_much(), "1,152,921,504.61 GB"),
    ],
)
def test_a_shortage_on_any_device_says_what_helps(error: Exception, amount: str) -> None:
    said = memory.shortage(raised(error))
    shown = f" ({amount} more were asked for)" if amount else ""
    assert said == f"out of memory{shown}: {memory.SMALLER}"


def test_a_shortage_behind_another_error_is_found() -> None:
    outer = RuntimeError("Error in call to target")
    outer.__cause__ = MemoryError()
    assert memory.shortage(outer) == f"out of memory: {memory.SMALLER}"


@pytest.mark.parametrize(
    "error", [RuntimeError("the cable"), ValueError("out of memory lane"), OSError(28, "no space")]
)
def test_other_errors_are_no_shortage(error: Exception) -> None:
    assert memory.shortage(error) is None


def test_every_place_that_needs_other_help_is_there() -> None:
    package = Path(memory.__file__).parents[1]
    assert all((package / place).is_file() for place in memory.HELPS)
