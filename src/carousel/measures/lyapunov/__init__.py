"""Lyapunov exponents of the driven network."""
