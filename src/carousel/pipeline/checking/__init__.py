"""Whether a folder of results is what it says it is: checks of its tables, which need nothing but them."""
