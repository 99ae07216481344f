"""The command line, what Snakemake needs of the package, a run while it goes, machines, provenance."""
