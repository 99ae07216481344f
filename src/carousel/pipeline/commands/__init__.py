"""What the Snakemake rules and the README call: one function a verb, paths in, paths out."""
