"""A run while it goes: the wrapper of every job, what stands in its log, how far it is, and the view of it."""
