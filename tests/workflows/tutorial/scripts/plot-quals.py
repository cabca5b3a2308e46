import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from vcf import qualities

plt.hist(qualities(snakemake.input[0]))
plt.savefig(snakemake.output[0])
