"""The C library's allocator, told to keep what a training step frees for the next one."""

import ctypes
import platform

# Parameters of mallopt, from glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
GIB = 1 << 30


def keep_freed_memory() -> bool:
    """Stop glibc from returning every large array to the system only to fault it in again.

    Windows differ in length from step to step, so by default part of each step on a CPU goes into page
    faults.

    RETURNS (bool): Whether the allocator is glibc's and took the settings.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = {M_MMAP_THRESHOLD: GIB, M_TRIM_THRESHOLD: 2 * GIB - 1, M_TOP_PAD: GIB // 16}
    return all(mallopt(name, value) == 1 for name, value in settings.items())
