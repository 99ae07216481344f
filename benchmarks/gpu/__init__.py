"""An experiment, which no GPU has timed: many models at once on one GPU, in float32 without TF32.

`persistent` keeps a model's R beside the arithmetic for all of time; `graphs` replays the stacked torch path without
waiting for Python. Both answer to ``norms`` and ``gradient``, and both run on a CPU, where their logic is tested:
the first in Triton's interpreter, the second uncaptured.
"""
