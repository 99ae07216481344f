"""The kernels compiled for a GPU that is not there."""

import subprocess
import sys

from gpu.support import APART, needs_triton

CODE = """
import sys, gpu.persistent
assert "triton" not in sys.modules  # it is imported when the first kernel is made
from gpu.compiled import KERNELS, figures
print(all(figures("lstm", kernel, 16, 1)["FFMA"] >= 4 * 16 * 8 for kernel in KERNELS))
"""


@needs_triton
def test_the_kernels_compile_for_a_gpu_that_is_not_there(tmp_path):
    environment = APART | {"TRITON_CACHE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True)
    assert run.stdout.split() == ["True"], run.stderr[-3000:]
