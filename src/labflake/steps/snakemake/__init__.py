"""Snakemake: it reads the Snakefile, and orders the jobs; all else that is done is ours.

No other module of labflake imports Snakemake. `poetry.lock` pins the version that this fits.
"""

# What is used beyond Snakemake's API, its settings, what it documents for Snakefiles and scripts
# (`snakemake.utils`, `snakemake.shell`), and its interfaces for plugins: why, and what would
# replace it. A test compares this list with the code.
INTERIOR = {
    "workflow": "what a Snakefile knows by this name, before its jobs are ordered: as part of the"
    " API. Executors are given it, too late for errors of the Snakefile and for what is refused",
    "Workflow._localrules": "which rules run here: `is_local` of a job also where nothing else is",
    "RScript": "what a script in R is given: its text, as a public function",
    "JuliaScript": "the same in Julia",
    # The one part that is replaced, while the graph is read; no job runs through it.
    "DAG.collect_potential_dependencies": "files in folders of results: as outputs of their rule",
}
