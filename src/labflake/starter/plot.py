"""Draw the measurements: `python plot.py MEASUREMENTS OUTPUT --style report`."""

import argparse

from study import visualization

from labflake import load, save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measurements")
    parser.add_argument("output")
    parser.add_argument("--style", choices=["report", "presentation"], default="report")
    args = parser.parse_args()
    values = load(args.measurements)["value"]
    with visualization.style(args.style):
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots()
        axes.hist(values, bins=30)
        axes.set(xlabel="value", ylabel="measurements")
        save(figure, args.output)


if __name__ == "__main__":
    main()
