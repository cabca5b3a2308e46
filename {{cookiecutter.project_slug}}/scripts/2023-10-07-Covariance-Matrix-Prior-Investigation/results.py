"""Summarise the scores of all splits."""

import argparse

from labflake import load, save

from study.data_engineering import significant, summarise


def main() -> None:
    """Load the scores, summarise them, save one row per sample size and estimator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scores")
    parser.add_argument("results")
    args = parser.parse_args()
    save(significant(summarise(load(args.scores))), args.results)


if __name__ == "__main__":
    main()
