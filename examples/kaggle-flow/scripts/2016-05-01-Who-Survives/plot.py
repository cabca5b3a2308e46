"""Draw how often each model is right."""

import argparse

from labflake import load_all, save
from matplotlib.figure import Figure

from study.visualization import style


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture")
    args = parser.parse_args()
    scores = load_all("scores").sort_values("accuracy")
    with style("report"):
        figure = Figure(figsize=(6.2, 1.6), layout="constrained")
        axes = figure.subplots()
        axes.barh(scores["model"], scores["accuracy"], height=0.6, color="0.4")
        axes.set_xlim(0, 1)
        axes.set_xlabel("Share of passengers that the model is right about")
        save(figure, args.picture)


if __name__ == "__main__":
    main()
