"""Standardise the raw table."""

import argparse

from labflake import load, save

from study.data_engineering import significant, standardise


def main() -> None:
    """Load the raw table, standardise it, save the features."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw")
    parser.add_argument("features")
    args = parser.parse_args()
    save(significant(standardise(load(args.raw))), args.features)


if __name__ == "__main__":
    main()
