"""Train the network on the images that are not held out."""

import argparse

from labflake import load, save

from study.icebergs import fit, held_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arrays")
    parser.add_argument("weights")
    parser.add_argument("losses")
    parser.add_argument("--held-out", type=float, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    train = load(args.arrays)
    seen = ~held_out(len(train["id"]), args.held_out, args.seed)
    images, labels = train["images"][seen], train["is_iceberg"][seen]
    weights, losses = fit(images, labels, args.epochs, args.rate, args.seed)
    save({name: values.astype("float32") for name, values in weights.items()}, args.weights)
    save(losses.round(5), args.losses)


if __name__ == "__main__":
    main()
