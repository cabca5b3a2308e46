rule model:
    input:
        script="scripts/model.R",
        data="data/countries.csv",
        spec="specs/{model}.txt",
    output:
        "out/{model}.{subset}.txt",
    log:
        "logs/{model}.{subset}.log",
    shell:
        "Rscript {input.script} {input.data} {input.spec} {wildcards.subset} {output} > {log} 2>&1"
