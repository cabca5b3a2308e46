"""Lay rows out in a plane."""

import argparse

from labflake import load, save

from study.tournament import neighbours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train")
    parser.add_argument("live")
    parser.add_argument("plane")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    save(neighbours(load(args.train), load(args.live), args.rows, args.seed), args.plane)


if __name__ == "__main__":
    main()
