"""Run the steps of an experiment: content decides, Snakemake orders, limits hold."""
