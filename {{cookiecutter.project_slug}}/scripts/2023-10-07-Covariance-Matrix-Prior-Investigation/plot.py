"""Draw one figure from its table."""

import argparse

from labflake import load, save

from study import visualization

FIGURES = {
    "plot1": visualization.plot_scores,
    "plot2": visualization.plot_gains,
    "plot3": visualization.plot_curves,
    "plot4": visualization.plot_intensities,
    "plot5": visualization.plot_spectra,
}


def main() -> None:
    """Load the table, draw the figure in the style asked for, save it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("table")
    parser.add_argument("picture")
    parser.add_argument("--style", choices=visualization.STYLES, default="report")
    args = parser.parse_args()
    with visualization.style(args.style):
        save(FIGURES[args.figure](load(args.table)), args.picture)


if __name__ == "__main__":
    main()
