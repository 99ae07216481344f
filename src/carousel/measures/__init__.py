"""One batch of models of a study in, rows of a table out."""
