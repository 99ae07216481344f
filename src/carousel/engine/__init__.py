"""Time and derivatives: the recurrence, backends, compiled loops, traces of cells, Jacobians of a step."""
