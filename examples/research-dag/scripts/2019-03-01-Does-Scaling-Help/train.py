"""Fit one model."""

import argparse

from labflake import load, save

from study.cultivars import MODELS, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features")
    parser.add_argument("fitted")
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    save(train(load(args.features), args.model, args.seed), args.fitted)


if __name__ == "__main__":
    main()
