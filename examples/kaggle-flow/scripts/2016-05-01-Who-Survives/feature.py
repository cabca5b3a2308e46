"""Make one family of features."""

import argparse

from labflake import load, save

from study.passengers import FEATURES, features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=FEATURES)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("feature")
    args = parser.parse_args()
    save(features(args.name, load(args.train), load(args.test)), args.feature)


if __name__ == "__main__":
    main()
