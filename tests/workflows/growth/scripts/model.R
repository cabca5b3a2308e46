# Estimate one model on a subset of the countries: model.R DATA SPECIFICATION SUBSET OUTPUT
args <- commandArgs(trailingOnly = TRUE)
source("scripts/subsets.R")
data <- chosen(read.csv(args[1]), args[3])
model <- lm(as.formula(readLines(args[2])), data)
print(summary(model))
writeLines(format(round(coef(model), 3)), args[4])
