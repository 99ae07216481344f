"""Studies: from yaml to a checked study, to its jobs, and to single models with their seeds."""
