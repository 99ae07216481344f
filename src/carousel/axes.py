"""The alphabet of axes, and the shapes that are spelt with it.

========  =====================================================================
``M``     models: every array of the suite carries them first
``G``     gates, the candidate among them; ``GH`` is G x H rows
``H``     hidden units
``D``     inputs a step
``B``     sequences, last, so that a column is a sequence and ``R @ h`` reads as in the papers
``T``     time steps
========  =====================================================================

An array is NumPy's or torch's; both answer to the same shape strings, which are checked under pytest.
"""

from typing import Any

from jaxtyping import Float

Array = Any
Units = Float[Array, "M H B"]  # one value a hidden unit and sequence
Net = Float[Array, "M G H B"]  # net inputs, or their adjoints, gate by gate
Nets = Net | tuple[Units, ...]  # the same, where they may come as one array a gate
PerUnit = Float[Array, "M H 1"]  # a pointwise parameter
Inputs = Float[Array, "M D B"]  # the input of one step
Series = Float[Array, "T M D B"]  # the inputs of all steps
State = tuple[Units, ...]
