"""Draw how often each model is right, with and without scaling."""

import argparse

from labflake import load, save
from matplotlib.figure import Figure

from study.visualization import style


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comparison")
    parser.add_argument("picture")
    args = parser.parse_args()
    table = load(args.comparison).pivot(index="model", columns="scaled", values="accuracy")
    with style("report"):
        figure = Figure(figsize=(6.2, 2), layout="constrained")
        axes = figure.subplots()
        for scaled, marker, label in ((False, "o", "as measured"), (True, "s", "scaled")):
            axes.plot(table[scaled], table.index, marker, label=label)
        axes.set_xlabel("Share of wines whose cultivar is found")
        axes.margins(y=0.2)
        figure.legend(loc="outside upper center", ncols=2)
        save(figure, args.picture)


if __name__ == "__main__":
    main()
