"""Small result sets whose numbers are known, for comparisons of machines."""

from itertools import product

import numpy as np
import pandas as pd
from support import planted

SWEEP = {"study": "planted", "sweep": "f00d", "jobs": {"decay/numpy/lstm": "0"}}


CLAIMS = pd.DataFrame({
    "id": ["K1", "K2", "K3"], "verdict": ["refuted", "supported", "depends"], "effect": [0.5, 1.0, np.nan],
    "low": [0.4, 0.8, np.nan], "high": [0.6, 1.2, np.nan],
})  # fmt: skip


STEP = 0.0005  # decades per step between the rates of one repetition and the next


def decay() -> pd.DataFrame:
    """Straight curves of four models, whose repetitions are STEP apart, before training and after."""
    lists = {"cell": ["lstm", "rnn_tanh"], "backend": ["numpy", "torch"], "repetition": [0, 1, 2],
             "path": ["full", "cell"], "slice": ["grid", "adding"], "lag": range(0, 121, 12)}  # fmt: skip
    rows = pd.DataFrame(product(*lists.values()), columns=[*lists])
    rows["log10_norm"] = (STEP * (rows["repetition"] - 1) - 0.01) * rows["lag"]
    rest = {"init": "torch", "forget_bias": "3", "length": 120, "trained": "no", "step": 0, "gradient": "none",
            "drive": "unit", "n_zero": 0}  # fmt: skip
    return rows.assign(**planted.FIXED, **rest)
