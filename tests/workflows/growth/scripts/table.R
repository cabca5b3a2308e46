rows <- sapply(snakemake@input, function(path) paste(basename(path), paste(readLines(path), collapse = " ")))
writeLines(unname(rows), snakemake@output[[1]])
