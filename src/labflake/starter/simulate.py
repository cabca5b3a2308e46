"""Simulate measurements: `python simulate.py OUTPUT --seed 1 --size 200`."""

import argparse

import numpy as np
import pandas as pd

from labflake import save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    args = parser.parse_args()
    values = np.random.default_rng(args.seed).normal(size=args.size)
    save(pd.DataFrame({"value": values.round(6)}), args.output)


if __name__ == "__main__":
    main()
