"""The C library's memory allocator, told to keep what training frees.

glibc gives large blocks back to the kernel at every `free`, and the next step's tensors fault each page in again:
measured at a sixth of the step of a small DCGAN (docs/performance.md).
"""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT = 1 << 30  # bytes


def keep_freed_memory() -> bool:
    """Keep freed blocks of up to 1 GiB in the process; says whether the allocator agreed (only glibc does)."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, KEPT) and mallopt(M_TRIM_THRESHOLD, KEPT))
