"""Scale the measurements, or leave them."""

import argparse

from labflake import load, save

from study.cultivars import preprocess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wines")
    parser.add_argument("features")
    parser.add_argument("--scaled", choices=["true", "false"], required=True)
    args = parser.parse_args()
    save(preprocess(load(args.wines), args.scaled == "true"), args.features)


if __name__ == "__main__":
    main()
