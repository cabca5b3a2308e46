"""Hold passengers out."""

import argparse

from labflake import load, save

from study.passengers import split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("passengers")
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--held-out", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    train, test = split(load(args.passengers), args.held_out, args.seed)
    save(train, args.train)
    save(test, args.test)


if __name__ == "__main__":
    main()
