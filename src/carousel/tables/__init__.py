"""How results are kept: parquet with provenance and checksum, and many tables as one."""
