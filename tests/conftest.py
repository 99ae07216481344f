import os
from pathlib import Path

# What a test starts finds the package too, whether it is installed or not, and keeps to one thread.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "src")
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
