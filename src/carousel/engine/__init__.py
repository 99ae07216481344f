"""Time and derivatives: recurrence, backends, plain and compiled engines, losses, traces of cells, step Jacobians."""
