"""The backends by name; torch is imported only when it is asked for."""
