"""Read the features that are used, in some eras."""

import argparse

from labflake import load, save

from study.tournament import subset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features")
    parser.add_argument("table")
    parser.add_argument("subset")
    parser.add_argument("--feature-set", required=True)
    parser.add_argument("--every", type=int, required=True)
    args = parser.parse_args()
    names = load(args.features)["feature_sets"][args.feature_set]
    save(subset(args.table, names, args.every), args.subset)


if __name__ == "__main__":
    main()
