"""Can a forest tell live rows from those to learn from?"""

import argparse

from labflake import load, save

from study.tournament import adversarial


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train")
    parser.add_argument("live")
    parser.add_argument("score")
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    save(adversarial(load(args.train), load(args.live), args.seed), args.score)


if __name__ == "__main__":
    main()
