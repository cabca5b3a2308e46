import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from words import load

names, numbers = zip(*load(sys.argv[1])[:5])
pyplot.bar(names, numbers)
pyplot.savefig(sys.argv[2])
