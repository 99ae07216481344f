"""Closed forms that the measurements are held against; nothing here measures.

Everything is in decades (log10) or decades per step: negative = the gradient decays on its way back.
"""
