"""Summarise the measurements: `python summarise.py MEASUREMENTS OUTPUT`."""

import argparse

from labflake import load, save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measurements")
    parser.add_argument("output")
    args = parser.parse_args()
    summary = load(args.measurements).agg(["count", "mean", "std", "min", "max"]).T.round(6)
    summary = summary.astype({"count": int}).rename_axis("variable").reset_index()
    save(summary, args.output)


if __name__ == "__main__":
    main()
