"""Devices, threads and allocators of this machine: checked, and set up for training."""

import ctypes
import logging
import os
import platform
from functools import cache

import torch

from gan_lab.utils.errors import UserError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
MALLOC_THRESHOLD = 1 << 30  # bytes


def prepare() -> None:
    """Set the process up for training; docs/performance.md has what each measure gains."""
    keep_freed_memory()
    stop_looking_for_cuda()


def keep_freed_memory() -> bool:
    """Have glibc keep freed blocks of up to 1 GiB in the process.

    By default glibc gives large blocks back to the kernel at every `free`, and the next step's tensors fault each page
    in again.

    Returns:
        True if the allocator agreed; only glibc does.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, MALLOC_THRESHOLD) and mallopt(M_TRIM_THRESHOLD, MALLOC_THRESHOLD))


def stop_looking_for_cuda() -> None:
    """Hide CUDA where there is no device, once and for all.

    torch's optimizers ask at every step, and a CUDA build of torch then tries to open the missing driver each time.
    """
    if not torch.cuda.is_available():
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def threads_each(processes: int) -> int | None:
    """Number of torch's threads for each of several processes that share the cores of this one, at least one.

    None where the user has divided the cores: OMP_NUM_THREADS says how many each process gets.
    """
    return None if "OMP_NUM_THREADS" in os.environ else max(1, torch.get_num_threads() // processes)


def check(
    accelerator: str,
    devices: int | str,
    precision: str,
    num_nodes: int = 1,
    sync_batchnorm: bool = False,
    compile: bool = False,
    started: bool = False,
) -> None:
    """Refuse devices and options that this machine can't serve; arguments are options of `trainer`.

    Args:
        started: whether torchrun or srun has decided on the number of devices, and not the configuration.

    Raises:
        UserError: an accelerator that is not there, too many devices, what they can't do, or no compiler.
    """
    kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    kinds["gpu"] = kinds["cuda"] or kinds["mps"]
    kinds["auto"] = True
    if not kinds[accelerator]:
        there = [kind for kind in ("cuda", "mps", "cpu") if kinds[kind]]
        raise UserError(f"trainer.accelerator={accelerator}: not on this machine, which has {', '.join(there)}")
    kind = next(kind for kind in ("cuda", "mps", "cpu") if kinds[kind] and accelerator in (kind, "auto", "gpu"))
    wanted = 1 if devices == "auto" else int(devices)
    if kind == "cpu":  # processes, which share the cores; two can be tried on any machine
        available, name = max(2, os.cpu_count() or 1), "CPU core"
    else:
        available, name = (torch.cuda.device_count(), "CUDA device") if kind == "cuda" else (1, "device")
    if wanted > available and started:
        raise UserError(
            f"torchrun or srun has started {wanted} processes on this machine, each of which sees {available} {name}"
            f"{'s' if available > 1 else ''}: start so many with --nproc_per_node or --ntasks-per-node, or let each "
            "see all devices (srun --gpus-per-node=N --gpu-bind=none)"
        )
    if wanted > available:
        fewer = f"set trainer.devices={available}" + (", or trainer.accelerator=cpu" if kind == "mps" else "")
        raise UserError(
            f"trainer.devices={devices}: this machine has {available} {name}{'s' if available > 1 else ''}; {fewer}"
        )
    if precision == "16-mixed" and kind != "cuda":
        raise UserError("trainer.precision=16-mixed needs a CUDA device; on this one set trainer.precision=bf16-mixed")
    if sync_batchnorm and kind != "cuda" and wanted * num_nodes > 1:
        raise UserError("trainer.sync_batchnorm=true: torch synchronises batch norm on CUDA devices only; leave it out")
    # Where torch sees CUDA, compiling makes a context on a device, even for the CPU. This process may only wait for
    # others, so there those that train try it, each on its own device.
    if compile and not torch.cuda.is_available():
        check_compiler(kind)


def check_compiler(device: str) -> None:
    """Refuse to compile where torch can't.

    Raises:
        UserError: saying what is missing.
    """
    reason = why_not_compiled(device)
    if reason is not None:
        raise UserError(
            f"trainer.compile=true doesn't work here: {reason}. torch compiles with a C++ compiler (g++), on CUDA "
            "with Triton, too: install them, or set trainer.compile=false"
        )


def device(wanted: str) -> torch.device:
    """A device for generating images, by its name in torch; "auto" is the best there is.

    Raises:
        UserError: this machine has no such device.
    """
    there = [f"cuda:{index}" for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)]
    there += ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    if wanted == "auto":
        return torch.device(there[0])
    if wanted not in (*there, *(name.partition(":")[0] for name in there)):
        raise UserError(f"--device {wanted}: not on this machine, which has {', '.join(there)}")
    return torch.device(wanted)


@cache
def why_not_compiled(device: str) -> str | None:
    """The reason why torch can't compile for a device; None where it can. The first call takes seconds."""
    noisy = logging.getLogger("torch")
    level = noisy.level
    noisy.setLevel(logging.CRITICAL)
    try:
        torch.compile(lambda numbers: numbers.exp() + 1, options={"fx_graph_cache": False})(
            torch.zeros(8, device=device)
        )
    except Exception as error:
        return str(error).strip().partition("\n")[0]
    finally:
        noisy.setLevel(level)
    return None
