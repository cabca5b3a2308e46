"""Predict the images of the competition."""

import argparse

import pandas as pd
from labflake import load, save

from study.icebergs import predict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arrays")
    parser.add_argument("weights")
    parser.add_argument("submission")
    args = parser.parse_args()
    test = load(args.arrays)
    probability = predict(load(args.weights), test["images"])
    save(pd.DataFrame({"id": test["id"], "is_iceberg": probability.round(5)}), args.submission)


if __name__ == "__main__":
    main()
