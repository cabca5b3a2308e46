"""Count how often a model is right about wines that it did not see."""

import argparse

from labflake import load, save

from study.cultivars import score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("features")
    parser.add_argument("scores")
    parser.add_argument("--folds", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    save(score(load(args.model), load(args.features), args.folds, args.seed), args.scores)


if __name__ == "__main__":
    main()
