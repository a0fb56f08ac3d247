"""Modules of torch. Nothing outside this package and the layers around it imports torch."""

import os

import torch

# A forked process has none of the threads that its parent's OpenMP still counts on, and waits for them for
# ever at the first parallel product: `nlp.pipe(n_process=2)` would hang. With one thread there is no wait,
# and as many processes as cores want no more.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
