"""The claims of the Q&A: what each says, how it is decided, and the table of them all."""

import pandas as pd

from carousel.claims import (
    a1a_chain_derivative as a1a,
)
from carousel.claims import (
    a1b_weight_factor as a1b,
)
from carousel.claims import (
    a1c_scalar_exponential as a1c,
)
from carousel.claims import (
    a1d_forget_gate_product as a1d,
)
from carousel.claims import (
    a1e_no_decaying_factor as a1e,
)
from carousel.claims import (
    a1f_surviving_path as a1f,
)
from carousel.claims import (
    a1g_only_route as a1g,
)
from carousel.claims import (
    a1h_slopes_culprit as a1h,
)
from carousel.claims import (
    a1i_relu_weight_scale as a1i,
)
from carousel.claims import (
    a1j_recurrent_weights as a1j,
)
from carousel.claims import (
    a2b_factor_per_step as a2b,
)
from carousel.claims import (
    a2c_learned_gate as a2c,
)
from carousel.claims import (
    a2d_rnn_factor_near_one as a2d,
)
from carousel.claims import (
    a2e_largest_factor as a2e,
)
from carousel.claims import (
    a2f_relu_activation as a2f,
)
from carousel.claims import (
    a2g_lag_alone as a2g,
)
from carousel.claims import (
    a3a_truncated_error as a3a,
)
from carousel.claims import (
    a3b_truncation_cost as a3b,
)
from carousel.claims import (
    a4a_vanilla_from_1997 as a4a,
)
from carousel.claims import (
    a4b_zero_derivative as a4b,
)
from carousel.claims import (
    a4c_entry_factor as a4c,
)
from carousel.claims import (
    a4d_exit_factor as a4d,
)
from carousel.claims import (
    a4e_only_unchanged_flow as a4e,
)
from carousel.claims import (
    a4f_distance_inside as a4f,
)
from carousel.claims import (
    a4g_rnn_distance as a4g,
)
from carousel.claims import (
    judge as judging,
)
from carousel.claims import (
    k1_not_vulnerable as k1,
)
from carousel.claims import (
    k2_slower_decay as k2,
)
from carousel.claims import (
    k3_longer_dependencies as k3,
)
from carousel.claims import (
    q1_constant_loop as q1,
)
from carousel.claims import (
    q2_must_vanish as q2,
)
from carousel.claims.agreement import agreement
from carousel.claims.rules import Claim, Tables, Verdict

CLAIMS: dict[str, Claim] = {
    "Q1": q1.CLAIM,
    "Q2": q2.CLAIM,
    "K1": k1.CLAIM,
    "K2": k2.K2,
    "K3": k3.CLAIM,
    "A1a": a1a.CLAIM,
    "A1b": a1b.CLAIM,
    "A1c": a1c.CLAIM,
    "A1d": a1d.CLAIM,
    "A1e": a1e.CLAIM,
    "A1f": a1f.CLAIM,
    "A1g": a1g.CLAIM,
    "A1h": a1h.CLAIM,
    "A1i": a1i.CLAIM,
    "A1j": a1j.CLAIM,
    "A2a": k2.A2A,
    "A2b": a2b.CLAIM,
    "A2c": a2c.CLAIM,
    "A2d": a2d.CLAIM,
    "A2e": a2e.CLAIM,
    "A2f": a2f.CLAIM,
    "A2g": a2g.CLAIM,
    "A3a": a3a.CLAIM,
    "A3b": a3b.CLAIM,
    "A4a": a4a.CLAIM,
    "A4b": a4b.CLAIM,
    "A4c": a4c.CLAIM,
    "A4d": a4d.CLAIM,
    "A4e": a4e.CLAIM,
    "A4f": a4f.CLAIM,
    "A4g": a4g.CLAIM,
}

__all__ = ["CLAIMS", "Claim", "Tables", "Verdict", "agreement", "judge"]


def judge(tables: Tables, calibration: pd.DataFrame) -> pd.DataFrame:
    """Return the claims table, one row per claim of CLAIMS, from the measured tables; none stands on a fault."""
    return judging.judge(CLAIMS, tables, calibration)
