"""The figures: one picture per claim, the story that carries the whole answer, and those of single measurements."""
