"""What the Snakemake rules and the README call: one function per command, paths in, paths out."""
