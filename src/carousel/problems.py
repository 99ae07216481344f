"""What the functions of the package raise, one line each: for `except` clauses.

A StudyError is a name or number that no study takes, a DeviceError a device that is not there, a DataError a data set
that cannot be read; `carousel.diagnosis.ModuleError` is a network that cannot be measured.
"""

from carousel.engine.backends.table import DeviceError as DeviceError
from carousel.study.errors import StudyError as StudyError
from carousel.tasks import DataError as DataError
