"""The adjoints of the NumPy backend as compiled loops, many times as fast as the plain ones; with numba alone."""
