"""Turn JSON into arrays."""

import argparse

from labflake import load, save

from study.icebergs import images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records")
    parser.add_argument("arrays")
    args = parser.parse_args()
    save(images(load(args.records)), args.arrays)


if __name__ == "__main__":
    main()
