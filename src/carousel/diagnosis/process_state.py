"""The state of a process that torch, NumPy and Python share with what is measured in it."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

from carousel.engine.threads import one_thread


@contextmanager
def preserved_process_state(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """A context that restores the random state of torch (all devices in use), NumPy and Python, and torch's modes.

    Within it, autograd is on and autocast, cuDNN (whose kernels have no backward pass in evaluation mode) and TF32 are
    off, whatever the caller has set; new tensors are of `dtype` where they are real. All of it takes one thread.
    """
    python, numpy, tf32 = random.getstate(), np.random.get_state(), torch.backends.cuda.matmul.allow_tf32
    used = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    with ExitStack() as stack:
        stack.enter_context(one_thread())
        stack.callback(random.setstate, python)
        stack.callback(np.random.set_state, numpy)
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        stack.callback(setattr, torch.backends.cuda.matmul, "allow_tf32", tf32)
        stack.enter_context(torch.random.fork_rng(used))
        stack.enter_context(torch.backends.cudnn.flags(enabled=False, allow_tf32=False))
        stack.enter_context(torch.autocast(device.type, enabled=False))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.set_default_dtype(dtype)
        yield
