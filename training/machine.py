"""Threads and memory of a process that computes with PyTorch on the CPU. To be imported before torch."""
import contextlib
import ctypes
import os

# Idle OpenMP threads must not spin: on two threads of one core they would take half of the products' speed.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4      # options of glibc's mallopt


def prepare(threads):
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = True
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libopenblas.so.0").openblas_set_num_threads(threads)
    with contextlib.suppress(AttributeError):
        # The same large buffers come and go every step: keep their pages instead of getting zeroed ones each time.
        libc = ctypes.CDLL(None)
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 64 << 20)):
            libc.mallopt(option, value)
