"""Compare eigenvalues with the variances of held-out rows, for every sample size."""

import argparse

from labflake import load, save

from study.data_engineering import draw_splits, significant
from study.model import trace_spectra


def main() -> None:
    """Load the features, decompose the samples, save one row per sample size and direction."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features")
    parser.add_argument("spectra")
    parser.add_argument("--sizes", type=int, nargs="+", required=True)
    parser.add_argument("--splits", type=int, required=True)
    parser.add_argument("--held-out", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    splits = draw_splits(load(args.features), args.sizes, args.splits, args.held_out, args.seed)
    save(significant(trace_spectra(splits)), args.spectra)


if __name__ == "__main__":
    main()
