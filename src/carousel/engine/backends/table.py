"""The backends by name; torch is imported only when it is asked for."""

from carousel.engine.backends.backend import Backend

BACKENDS = ("numpy", "torch")


class DeviceError(ValueError):
    """A device that is not there, or a dtype that it has not; one line."""


def load(name: str, device: str, dtype: str, exact: bool = False) -> Backend:
    """The backend `name`, on `device` (torch only) and in `dtype`; an `exact` one takes no short cut.

    Raises DeviceError for a device or dtype that is not there, ValueError for a name that is not in BACKENDS.
    """
    if name == "numpy":
        if device != "cpu":
            raise DeviceError(f"device: found {device}; the numpy backend has the cpu alone")
        if dtype not in ("float32", "float64"):
            raise DeviceError(f"dtype: found {dtype}; the numpy backend has float32 and float64 alone")
        from carousel.engine.backends.numpy import NumpyBackend

        return NumpyBackend(dtype, exact)
    if name == "torch":
        from carousel.engine.backends.torch import TorchBackend, present

        if not present(device):
            raise DeviceError(f"device: found {device}, which this machine does not have; allowed: cpu")
        return TorchBackend(device, dtype, exact)
    raise ValueError(f"backend {name!r} is not one of {', '.join(BACKENDS)}")
