"""Results from several machines, or of several versions: kept apart, put beside each other, compared."""
