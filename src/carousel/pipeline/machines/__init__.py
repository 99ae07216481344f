"""Results from several machines, or of several versions: added to a study's results, compared."""
