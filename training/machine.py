"""Threads and memory of a process that computes with PyTorch on the CPU. To be imported before torch."""
import contextlib
import ctypes
import os


def has(feature):
    """Whether the processor has it, as /proc/cpuinfo calls it."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as f:
        return feature in next((line.split() for line in f if line.startswith("flags")), [])
    return False


# OpenBLAS 0.3.21 does not know newer AMD processors and leaves half of their width unused.
if has("avx512bw"):
    os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")

# Idle OpenMP threads must not spin: on two threads of one core they would take half of the products' speed.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4      # options of glibc's mallopt


def one_thread():
    """For a thread that computes beside others."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def prepare(threads, of_products=None):
    """Threads of PyTorch, and of OpenBLAS if they are to be others."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = True
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libopenblas.so.0").openblas_set_num_threads(of_products or threads)
    with contextlib.suppress(AttributeError):
        # The same large buffers come and go every step: keep their pages instead of getting zeroed ones each time.
        libc = ctypes.CDLL(None)
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 64 << 20)):
            libc.mallopt(option, value)
