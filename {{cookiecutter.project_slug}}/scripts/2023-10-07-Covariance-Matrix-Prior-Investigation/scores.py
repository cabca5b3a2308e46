"""Score every estimator on held-out rows, for every sample size and split."""

import argparse

from labflake import load, save

from study.data_engineering import draw_splits, significant
from study.model import compare


def main() -> None:
    """Load features and curves, score the estimators, save one row per split and estimator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features")
    parser.add_argument("curves")
    parser.add_argument("scores")
    parser.add_argument("--sizes", type=int, nargs="+", required=True)
    parser.add_argument("--splits", type=int, required=True)
    parser.add_argument("--held-out", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--fixed", type=float, required=True)
    args = parser.parse_args()
    splits = draw_splits(load(args.features), args.sizes, args.splits, args.held_out, args.seed)
    save(significant(compare(splits, load(args.curves), args.fixed)), args.scores)


if __name__ == "__main__":
    main()
