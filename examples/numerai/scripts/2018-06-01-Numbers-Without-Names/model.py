"""Train a model, judge it by the last eras, and rank the live rows by it."""

import argparse

from labflake import load, save

from study.tournament import MODELS, predict, score, split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("train")
    parser.add_argument("live")
    parser.add_argument("scores")
    parser.add_argument("predictions")
    parser.add_argument("--held-out", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    train, live = load(args.train), load(args.live)
    earlier, later = split(train, args.held_out)
    save(score(predict(args.model, earlier, later, args.seed)), args.scores)
    ranked = predict(args.model, train, live, args.seed)
    save(ranked[["id", "prediction"]], args.predictions)


if __name__ == "__main__":
    main()
