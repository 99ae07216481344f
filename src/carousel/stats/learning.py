"""How long a sequence a run learned, read from its evaluations."""

import numpy as np
import pandas as pd

from carousel.stats.tables import RUN


def longest_solved(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return one row per RUN with the longest length solved at any evaluation, censoring included.

    ``longest`` is 0 where no length was solved; ``shortest_tried`` and ``longest_tried`` bound what could be
    seen; ``censored``: "below" (nothing solved), "above" (the longest tried was solved: it may reach further)
    or "". ``octaves`` is log2(longest), with one octave below the shortest tried for a run that solved none.
    """
    keys = [*RUN, "length"]
    solved = accuracy.groupby(keys, observed=True)["solved"].any().reset_index()
    solved["longest"] = solved["length"].where(solved["solved"], 0)
    runs = solved.groupby(RUN, observed=True).agg(
        longest=("longest", "max"), shortest_tried=("length", "min"), longest_tried=("length", "max")
    )
    above, below = runs["longest"] == runs["longest_tried"], runs["longest"] == 0
    runs["censored"] = np.select([above, below], ["above", "below"], "")
    runs["octaves"] = np.log2(runs["longest"].where(~below, runs["shortest_tried"] / 2))
    return runs.reset_index()
