"""Known-answer systems, measured by the very code that the study runs, against their closed forms."""
