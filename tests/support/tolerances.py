"""How far two measurements of one thing may be apart: the figures that the documents name, in one place.

Decades: the difference of two log10 of a norm. Relative: the difference over the larger of the two.
"""

# Bit for bit, whatever the block: NumPy, plain and compiled, at initialisation and in training.
DECAY = 1e-10  # decades, float64: other threads, instruction sets, blocks (torch), paths and backends
TRAINED = (
    1e-7  # relative, float64: losses and gradient norms of a few steps, before training amplifies rounding
)
EXPONENT = 1e-9  # decades a step, float64: how often the tangents are made orthonormal depends on the block

# Decades at lag 100 against float64, for the same rounded draws, cells of 16 units, gain 0.9 (benchmarks/precision.py)
PRECISION = {"float64": 1e-11, "float32": 1e-4, "bfloat16": 2.0}
