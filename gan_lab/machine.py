"""What this machine has, and how to get the most out of it."""

import ctypes
import logging
import os
import platform
from functools import cache

import torch

from gan_lab.errors import UserError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT = 1 << 30  # bytes


def prepare() -> None:
    """Set the process up for training; docs/performance.md has what each measure gains."""
    keep_freed_memory()
    stop_looking_for_cuda()


def keep_freed_memory() -> bool:
    """Have glibc keep freed blocks of up to 1 GiB in the process; says whether it agreed (only glibc does).

    By default it gives large blocks back to the kernel at every `free`, and the next step's tensors fault each page
    in again.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, KEPT) and mallopt(M_TRIM_THRESHOLD, KEPT))


def stop_looking_for_cuda() -> None:
    """Where there is no CUDA device, settle it once.

    torch's optimizers ask at every step, and a CUDA build of torch then tries to open the missing driver each time.
    """
    if not torch.cuda.is_available():
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def check(accelerator: str, devices: int | str, precision: str, compile: bool) -> None:
    """Refuse what this machine has not got.

    Raises:
        UserError: an accelerator that is not there, too many devices, a precision that it can't do, or no compiler.
    """
    kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    kinds["gpu"] = kinds["cuda"] or kinds["mps"]
    kinds["auto"] = True
    if not kinds[accelerator]:
        there = [kind for kind in ("cuda", "mps", "cpu") if kinds[kind]]
        raise UserError(f"trainer.accelerator={accelerator}: not on this machine, which has {', '.join(there)}")
    uses_cuda = kinds["cuda"] and accelerator in ("auto", "gpu", "cuda")
    available = torch.cuda.device_count() if uses_cuda else 1
    if devices != "auto" and int(devices) > available:
        kind = "CUDA device" if uses_cuda else "device"
        raise UserError(
            f"trainer.devices={devices}: this machine has {available} {kind}{'s' if available > 1 else ''}; "
            f"set trainer.devices={available}"
        )
    if devices != "auto" and int(devices) > 1:
        raise UserError(f"trainer.devices={devices}: only one device is supported so far; set trainer.devices=1")
    if precision == "16-mixed" and not uses_cuda:
        raise UserError("trainer.precision=16-mixed needs a CUDA device; on this one set trainer.precision=bf16-mixed")
    if compile:
        uses_mps = kinds["mps"] and accelerator in ("auto", "gpu", "mps")
        reason = why_not_compiled("cuda" if uses_cuda else "mps" if uses_mps else "cpu")
        if reason is not None:
            raise UserError(
                f"trainer.compile=true doesn't work here: {reason}. torch compiles with a C++ compiler (g++), on CUDA "
                "with Triton, too: install them, or set trainer.compile=false"
            )


@cache
def why_not_compiled(device: str) -> str | None:
    """What torch says to compiling on this kind of device; None where it works. The first call takes seconds."""
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
