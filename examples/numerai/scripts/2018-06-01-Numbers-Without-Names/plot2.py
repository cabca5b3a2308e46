"""Draw the neighbours."""

import argparse

from labflake import load, save
from matplotlib.figure import Figure

from study.visualization import style


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("neighbours")
    parser.add_argument("picture")
    args = parser.parse_args()
    plane = load(args.neighbours)
    with style("report"):
        figure = Figure(figsize=(3.3, 3.3), layout="constrained")
        axes = figure.subplots()
        for part, colour, marker in (("train", "#0072b2", "o"), ("live", "#d55e00", "^")):
            rows = plane[plane["part"] == part]
            axes.plot(rows["x"], rows["y"], marker, color=colour, markersize=3, label=part)
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.legend(loc="upper left")
        save(figure, args.picture)


if __name__ == "__main__":
    main()
