"""Judge the network by the images that are held out."""

import argparse

from labflake import load, save

from study.icebergs import held_out, log_loss, predict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arrays")
    parser.add_argument("weights")
    parser.add_argument("scores")
    parser.add_argument("--held-out", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    train = load(args.arrays)
    judged = held_out(len(train["id"]), args.held_out, args.seed)
    probability = predict(load(args.weights), train["images"][judged])
    labels = train["is_iceberg"][judged]
    scores = {
        "images": len(labels),
        "icebergs": int(labels.sum()),
        "loss": round(log_loss(probability, labels), 5),
        "loss_of_the_share": round(log_loss(labels.mean(), labels), 5),
        "accuracy": round(float(((probability > 0.5) == labels).mean()), 5),
    }
    save(scores, args.scores)


if __name__ == "__main__":
    main()
