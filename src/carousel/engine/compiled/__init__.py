"""The compiled path: the same steps as the plain one, many times faster; an extra, ``pip install .[fast]``."""
