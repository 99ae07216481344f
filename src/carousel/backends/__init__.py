"""The backends by name; torch is imported only when it is asked for."""

from carousel.backends.backend import Backend, Gradient, Model, Readout, leaves, rebuild

BACKENDS = ("numpy", "torch")


def load(name: str, device: str, dtype: str) -> Backend:
    """The backend `name`, on `device` (torch only) and in `dtype`.

    Raises ValueError for a name that is not in BACKENDS, or a device that NumPy does not have.
    """
    if name == "numpy":
        from carousel.backends.numpy import NumpyBackend

        return NumpyBackend(dtype)
    if name == "torch":
        from carousel.backends.torch import TorchBackend

        return TorchBackend(device, dtype)
    raise ValueError(f"backend {name!r} is not one of {', '.join(BACKENDS)}")


__all__ = ["BACKENDS", "Backend", "Gradient", "Model", "Readout", "leaves", "load", "rebuild"]
