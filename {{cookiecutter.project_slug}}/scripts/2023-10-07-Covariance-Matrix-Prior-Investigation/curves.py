"""Score a grid of shrinkage intensities on held-out rows, for every sample size."""

import argparse

import numpy as np
from labflake import load, save

from study.data_engineering import draw_splits, significant
from study.model import trace_curves


def main() -> None:
    """Load the features, score the grid, save one curve per sample size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features")
    parser.add_argument("curves")
    parser.add_argument("--sizes", type=int, nargs="+", required=True)
    parser.add_argument("--splits", type=int, required=True)
    parser.add_argument("--held-out", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--smallest", type=float, required=True)
    parser.add_argument("--points", type=int, required=True)
    args = parser.parse_args()
    splits = draw_splits(load(args.features), args.sizes, args.splits, args.held_out, args.seed)
    grid = np.geomspace(args.smallest, 1, args.points)
    save(significant(trace_curves(splits, grid)), args.curves)


if __name__ == "__main__":
    main()
