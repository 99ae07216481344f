"""A backend by its name; its library is imported only when it is asked for."""

from importlib import import_module
from typing import Any

from carousel import lacking
from carousel.axes import BACKENDS
from carousel.engine.backends.backend import Backend


class DeviceError(ValueError):
    """A device or library that is not there, or a dtype that a backend has not; one line."""


def load(name: str, device: str, dtype: str, exact: bool = False) -> Backend:
    """The backend `name`, on `device` and in `dtype`, with its engine; that of an `exact` one takes no short cut.

    Raises DeviceError for a device or dtype that is not there, ValueError for a name that is not in BACKENDS.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend {name!r} is not one of {', '.join(BACKENDS)}")
    entry = BACKENDS[name]
    if device.partition(":")[0] not in entry.devices:
        raise DeviceError(f"device: found {device}; allowed on {name}: {', '.join(entry.devices)}")
    if dtype not in entry.dtypes:
        raise DeviceError(f"dtype: found {dtype}; allowed on {name}: {', '.join(entry.dtypes)}")
    factory = backend_class(name)
    if not factory.present(device):
        raise DeviceError(f"device: found {device}, which this machine does not have; allowed: cpu")
    return factory(device=device, dtype=dtype, engine=factory.engine_for(exact), name=name)


def device_name(device: str) -> str:
    """What the maker calls a device beside the CPU, as the first backend that takes it says."""
    takes = (name for name, entry in BACKENDS.items() if device.partition(":")[0] in entry.devices)
    return backend_class(next(takes)).device_name(device)


def backend_class(name: str) -> Any:
    """The class of a backend; its library is imported. Raises DeviceError where that is not installed."""
    module, _, made = BACKENDS[name].factory.partition(":")
    try:
        return getattr(import_module(module), made)
    except ModuleNotFoundError as error:
        raise DeviceError(f"backend {name}: {lacking(error) or error}") from error
