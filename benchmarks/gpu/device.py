"""The device that is measured: all that CUDA alone can do, and what stands in for it where the tables are tried out."""

import gc
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile


class Device(ABC):
    """A device by its name in torch."""

    kind: str
    activity: ProfilerActivity
    has_graphs: bool

    @property
    @abstractmethod
    def name(self) -> str:
        """As a table names it."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until all that was launched is done."""

    @abstractmethod
    def free(self) -> None:
        """Give memory back that nothing uses any more."""

    @abstractmethod
    def peak(self, work: Callable[[], object]) -> int:
        """The most bytes that tensors take while something is done."""

    @abstractmethod
    def busy(self, seen: profile) -> float:
        """Seconds in kernels that a profiler of `activity` has seen."""


class Cuda(Device):
    """The first NVIDIA or AMD card."""

    kind = "cuda"
    activity = ProfilerActivity.CUDA
    has_graphs = True

    @property
    def name(self) -> str:
        """The card's name and memory."""
        memory = torch.cuda.get_device_properties(0).total_memory
        return f"{torch.cuda.get_device_name()}, {memory / 1e9:.0f} GB, CUDA {torch.version.cuda}"

    def wait(self) -> None:
        """Wait until all that was launched is done."""
        torch.cuda.synchronize()

    def free(self) -> None:
        """Give memory back, that of compiled code and its graphs too."""
        torch.compiler.reset()
        gc.collect()
        torch.cuda.empty_cache()

    def peak(self, work: Callable[[], object]) -> int:
        """As torch's allocator counts it: without what CUDA itself takes, some 0.5 GB."""
        torch.cuda.reset_peak_memory_stats()
        work()
        return torch.cuda.max_memory_allocated()

    def busy(self, seen: profile) -> float:
        """Seconds in kernels, copies included."""
        return float(sum(event.self_device_time_total for event in seen.key_averages()) / 1e6)


class Cpu(Device):
    """A place to try the tables out: no graphs, and the peak is that of the process since its start."""

    kind = "cpu"
    activity = ProfilerActivity.CPU
    has_graphs = False

    @property
    def name(self) -> str:
        """The number of threads, which is what matters."""
        return f"CPU, {torch.get_num_threads()} thread(s)"

    def wait(self) -> None:
        """Nothing is launched without being waited for."""

    def free(self) -> None:
        """Drop what only cycles hold."""
        gc.collect()

    def peak(self, work: Callable[[], object]) -> int:
        """As Linux counts it."""
        work()
        return peak_of_process()

    def busy(self, seen: profile) -> float:
        """Seconds in torch's operations."""
        return float(sum(event.self_cpu_time_total for event in seen.key_averages()) / 1e6)


def peak_of_process() -> int:
    """The most bytes that this process has had. `getrusage` would begin with those of the program that started it."""
    kibibytes = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert kibibytes
    return int(kibibytes[1]) * 1024


DEVICES: dict[str, Callable[[], Device]] = {"cuda": Cuda, "cpu": Cpu}
