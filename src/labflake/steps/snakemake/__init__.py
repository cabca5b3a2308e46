"""Snakemake: it reads the Snakefile, and orders the jobs; all else that is done is ours.

No other module of labflake imports Snakemake. `poetry.lock` pins the version that this fits.
"""

# What is used beyond Snakemake's API, its settings and its interfaces for plugins: why, and what
# would replace it. A test compares this list with the code.
INTERIOR = {
    # In the place of a part of Snakemake, in this process.
    "Job.postprocess": "would leave a file in folders of results: an option that lets outputs be",
    "Job.output_mintime": "dates decide nothing: a trigger for reruns that is none",
    "DAG.update_needrun": "contents say what differs: a plugin that is asked which jobs to run",
    "DAG._update_needrun": "the original of the one above",
    "DAG.collect_potential_dependencies": "files in folders of results: as outputs of their rule",
    "DAG.update": "a result without its input is no given file: a strict mode",
    "MissingInputException.__init__": "the rule and the files of the error: as its attributes",
    # Reading a Snakefile without running it.
    "WorkflowApi._get_workflow": "lines of errors in a Snakefile: errors that know their place",
    "WorkflowApi._workflow_store": "the same",
    "WorkflowApi._workflow": "rules, to refuse and to explain: as part of the API",
    "Workflow._prepare_dag": "the plan: the jobs of a graph as part of the API",
    "Workflow._build_dag": "the same",
    "Workflow._localrules": "which rules are local: `is_local` for one machine, too",
    "DAG._finished": "the plan beyond a checkpoint: the same as for the plan",
    "Dependency._replace": "a dependency on the folder instead of the file in it",
    "get_exception_origin": "the line of an error: errors that know their place",
    "shell._process_prefix": "refused: a function that returns it",
    "shell._process_suffix": "the same",
    # What jobs are made of, and what scripts are given.
    "Namedlist": "outputs in another folder under their names: `format_wildcards` with a folder",
    "ResourceList": "resources for a script that uses none",
    "Snakemake": "the object that scripts see",
    "RScript": "the same in R",
    "BashScript": "the same in Bash",
    "JuliaScript": "the same in Julia",
    "infer_source_file": "what the classes for these languages take as a path",
    "get_snakemake_searchpaths": "where the Python of a container finds that object",
    "BenchmarkRecord": "the table of `benchmark:`, as a public function with a process",
    "benchmarked": "the same",
    "write_benchmark_records": "the same",
    "is_flagged": "marks of files: as their attributes",
    "regex_from_filepattern": "whether a path fits a pattern with wildcards: in `snakemake.utils`",
}
