"""The measurements of the suite on a user's own torch module."""
