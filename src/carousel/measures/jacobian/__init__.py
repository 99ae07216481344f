"""Norms of the Jacobian of the joint state, by lag."""
