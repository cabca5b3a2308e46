"""Draw the scores of all models."""

import argparse

from labflake import load_all, save
from matplotlib.figure import Figure

from study.visualization import style


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture")
    args = parser.parse_args()
    scores = load_all("scores").sort_values("correlation")
    with style("report"):
        figure = Figure(figsize=(6.2, 2), layout="constrained")
        axes = figure.subplots()
        axes.barh(scores["model"], scores["correlation"], height=0.6, color="0.4")
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_xlabel("Mean correlation of ranks with the target")
        save(figure, args.picture)


if __name__ == "__main__":
    main()
