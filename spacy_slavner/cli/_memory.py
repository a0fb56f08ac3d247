"""How the C library deals with freed memory."""

import ctypes
import platform

# Of <malloc.h>.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let the C library keep blocks that were freed, for the next ones of their size.

    By default glibc gives large blocks back to the system at once, and every activation of a network is
    such a block: on CPUs with fast matrix products its pages then cost more than what is computed on it
    (benchmarks/attention.py). The process stays as large as it ever was, until it ends.

    RETURNS (bool): Whether the C library is glibc and took both settings.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return all([library.mallopt(which, LARGEST) for which in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)])
