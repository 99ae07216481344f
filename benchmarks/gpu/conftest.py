"""Without a GPU the kernels are interpreted, for which Triton must be told before anything imports it."""

import os

import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
