"""Train a model on all features, and judge it."""

import argparse

from labflake import load, save

from study.passengers import MODELS, judge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("scores")
    parser.add_argument("--features", nargs="+", required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    tables = [load(path) for path in args.features]
    save(judge(args.model, tables, load(args.train), load(args.test), args.seed), args.scores)


if __name__ == "__main__":
    main()
