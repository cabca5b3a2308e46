"""Gather the scores of all variants in one table."""

import argparse

from labflake import load_all, save


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comparison")
    args = parser.parse_args()
    save(load_all("scores"), args.comparison)


if __name__ == "__main__":
    main()
