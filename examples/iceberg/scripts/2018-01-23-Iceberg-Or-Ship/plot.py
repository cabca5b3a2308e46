"""Draw how the loss falls."""

import argparse

from labflake import load, save
from matplotlib.figure import Figure

from study.visualization import style


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("losses")
    parser.add_argument("picture")
    args = parser.parse_args()
    losses = load(args.losses)
    with style("report"):
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        axes.plot(losses["epoch"], losses["loss"], color="black", marker="o")
        axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("Epoch")
        axes.set_ylabel("Loss (nats per image)")
        save(figure, args.picture)


if __name__ == "__main__":
    main()
