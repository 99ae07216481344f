"""What is left of the gradient by route: through everything, with the gates frozen, along the carousel alone."""

from collections.abc import Sequence

import pandas as pd

from carousel.analysis.stats.left import at_lags, left, state_between
from carousel.analysis.stats.resampling import intervals, sampled
from carousel.analysis.stats.tables import MODEL, grouped, select
from carousel.analysis.summary import KEYS
from carousel.axes import LAGS
from carousel.tables.runs import Runs
from carousel.tables.schemas import names

ROUTES = (  # quantity, path: the routes that are compared
    ("loss_state", "full"),  # all routes, h and c together
    ("loss_state", "candidate"),  # the gates frozen: the carousel, and from h through the candidate into c
    ("loss_state", "cell"),  # the carousel alone, from the loss on
    ("cec", "cell"),  # the carousel alone, from c to c
    ("loss_x", "full"),  # the input's gradient
)


def routes(decay: pd.DataFrame | Runs, lags: Sequence[int] = LAGS) -> pd.DataFrame:
    """Return one row per setting, backend, route of ROUTES and lag that its sequences reach, sorted by them.

    left, low, high: what `left` says, in decades, mean over repetitions with its 95 % interval (`stats.interval`: the
    lower median where a repetition's gradient is exactly zero). state: kept, weakened or vanished, where the whole
    interval is; unclear where it straddles KEPT or VANISHED, or there is none. cosine: with the gradient by all routes,
    mean over repetitions, of the gradients by the state alone.
    """
    table = pd.concat([_route(decay, *route, lags) for route in ROUTES], ignore_index=True)
    return table.sort_values(["quantity", "path", *KEYS, "lag"], ignore_index=True)[names("routes")]


def _route(decay: pd.DataFrame | Runs, quantity: str, path: str, lags: Sequence[int]) -> pd.DataFrame:
    """Return the rows of one route."""
    models = left(decay, quantity, path, lags)
    setting, table = grouped(models, [*KEYS, "lag"])
    mean, low, high = intervals(sampled(models, setting, "left")).T
    return table.assign(
        quantity=quantity,
        path=path,
        left=mean,
        low=low,
        high=high,
        state=state_between(low, high),
        cosine=_cosines(decay, quantity, path, lags).groupby(setting).mean(),
        repetitions=models["lag"].groupby(setting).size(),
    )


def _cosines(decay: pd.DataFrame | Runs, quantity: str, path: str, lags: Sequence[int]) -> pd.Series:
    """Return the cosine with the gradient by all routes for the models and lags of `left`, in their order."""
    rows = select(decay, quantity=quantity, path=path)
    codes, models = grouped(rows, MODEL)
    return pd.Series(
        at_lags(codes, rows["lag"].to_numpy(int), rows["cosine"].to_numpy(), len(models), lags)[2]
    )
