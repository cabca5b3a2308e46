"""Radar images of icebergs and ships, and a small convolutional network that tells them apart."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SIDE = 75  # pixels
POOL = 3  # pixels that become one, before the network
FILTERS = 8
WINDOW = 3  # pixels
EXAMPLES = 32  # in one step of the descent

Weights = dict[str, NDArray[np.float64]]


def images(records: list[dict]) -> dict[str, NDArray]:
    """Turn the records of the competition into arrays.

    Args:
        records: Each with `id`, `inc_angle` (degrees, or "na"), `band_1` and `band_2` (75 × 75
            values in rows, dB: radar sent horizontally and received horizontally, HH, or
            vertically, HV) and, where it is known, `is_iceberg` (0 or 1).

    Returns:
        `images`, shape (n, 75, 75, 3), float32, dB: HH, HV and their mean; `angle`, shape (n,),
        float64, degrees, nan where it is missing; `id`, shape (n,), text; `is_iceberg`, shape (n,),
        int64, where all records have it.
    """
    pairs = [np.array([record["band_1"], record["band_2"]], dtype="float32") for record in records]
    bands = np.stack(pairs).reshape(-1, 2, SIDE, SIDE).transpose(0, 2, 3, 1)
    angles = pd.to_numeric(pd.Series([record["inc_angle"] for record in records]), errors="coerce")
    found = {
        "images": np.concatenate([bands, bands.mean(axis=3, keepdims=True)], axis=3),
        "angle": angles.to_numpy(dtype=float),
        "id": np.array([record["id"] for record in records]),
    }
    labels = [record["is_iceberg"] for record in records if "is_iceberg" in record]
    return found | ({"is_iceberg": np.array(labels)} if len(labels) == len(records) else {})


def held_out(count: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which of `count` examples are held out; shape (count,)."""
    order = np.random.default_rng(seed).permutation(count)
    return order < round(share * count)


def fit(
    images: NDArray, labels: NDArray[np.int64], epochs: int, rate: float, seed: int
) -> tuple[Weights, pd.DataFrame]:
    """Train the network by Adam (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980).

    Args:
        images: Shape (n, 75, 75, 3), dB.
        labels: Shape (n,), 0 or 1.
        epochs: How often each image is shown.
        rate: Length of the steps, without unit.
        seed: Root of the random stream.

    Returns:
        The weights, with the mean and the scale of each band; and one row per epoch with the
        mean `loss`, nats.
    """
    rng = np.random.default_rng(seed)
    weights = _initial(images, rng)
    names = ["filters", "offsets", "dense", "constant"]
    first, second = ({name: np.zeros_like(weights[name]) for name in names} for _ in range(2))
    patches, losses, steps = _patches(_prepared(weights, images)), [], 0
    for _ in range(epochs):
        total = 0.0
        for batch in _batches(len(labels), rng):
            steps += 1
            loss, gradients = _gradients(weights, patches[batch], labels[batch])
            total += loss * len(batch)
            for name in names:
                first[name] = 0.9 * first[name] + 0.1 * gradients[name]
                second[name] = 0.999 * second[name] + 0.001 * gradients[name] ** 2
                step = (first[name] / (1 - 0.9**steps)) / (
                    np.sqrt(second[name] / (1 - 0.999**steps)) + 1e-8
                )
                weights[name] = weights[name] - rate * step
        losses.append(total / len(labels))
    return weights, pd.DataFrame({"epoch": np.arange(1, epochs + 1), "loss": losses})


def predict(weights: Weights, images: NDArray) -> NDArray[np.float64]:
    """Return the probability that each image shows an iceberg; shape (n,)."""
    logits, _ = _forward(weights, _patches(_prepared(weights, images)))
    return 1 / (1 + np.exp(-logits))


def log_loss(probability: NDArray, labels: NDArray) -> float:
    """Return the mean loss, nats; the measure of the competition."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return float(-np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p)))


def _initial(images: NDArray, rng: np.random.Generator) -> Weights:
    """Return small random weights, and what makes each band comparable."""
    values = images.reshape(-1, 3).astype(float)
    inside = (SIDE // POOL - WINDOW + 1) // 2
    inputs, features = WINDOW * WINDOW * 3, inside * inside * FILTERS
    return {
        "mean": values.mean(axis=0),
        "scale": values.std(axis=0),
        "filters": rng.normal(0, np.sqrt(2 / inputs), (inputs, FILTERS)),
        "offsets": np.zeros(FILTERS),
        "dense": rng.normal(0, np.sqrt(1 / features), features),
        "constant": np.zeros(1),
    }


def _prepared(weights: Weights, images: NDArray) -> NDArray[np.float64]:
    """Average pixels, which are speckled, and give each band mean 0 and scale 1."""
    small = images.astype(float).reshape(-1, SIDE // POOL, POOL, SIDE // POOL, POOL, 3)
    return (small.mean(axis=(2, 4)) - weights["mean"]) / weights["scale"]


def _patches(images: NDArray) -> NDArray:
    """Return the window around each pixel, shape (n, rows, columns, inputs)."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (WINDOW, WINDOW), axis=(1, 2))
    return windows.reshape(*windows.shape[:3], -1)


def _forward(weights: Weights, patches: NDArray) -> tuple[NDArray, NDArray]:
    """Return the logits, shape (n,), and what filters see, shape (n, rows, columns, filters)."""
    seen = np.maximum(patches @ weights["filters"] + weights["offsets"], 0)
    pooled = _pooled(seen).max(axis=(2, 4)).reshape(len(seen), -1)
    return pooled @ weights["dense"] + weights["constant"][0], seen


def _pooled(seen: NDArray) -> NDArray:
    """Return pairs of rows and of columns, shape (n, rows/2, 2, columns/2, 2, filters)."""
    n, rows, columns, filters = seen.shape
    even = seen[:, : rows // 2 * 2, : columns // 2 * 2]
    return even.reshape(n, rows // 2, 2, columns // 2, 2, filters)


def _gradients(weights: Weights, patches: NDArray, labels: NDArray) -> tuple[float, Weights]:
    """Return the mean loss, nats, and its derivative by each weight."""
    logits, seen = _forward(weights, patches)
    probability = 1 / (1 + np.exp(-logits))
    slope = (probability - labels) / len(labels)
    pairs = _pooled(seen)
    best = pairs.max(axis=(2, 4), keepdims=True)
    dense = weights["dense"].reshape(1, *best.shape[1:])
    back = np.zeros_like(seen)
    _pooled(back)[...] = np.where(
        (pairs == best) & (best > 0), slope.reshape(-1, 1, 1, 1, 1, 1) * dense, 0
    )
    return log_loss(probability, labels), {
        "dense": slope @ best.reshape(len(seen), -1),
        "constant": np.array([slope.sum()]),
        "filters": np.tensordot(patches, back, axes=([0, 1, 2], [0, 1, 2])),
        "offsets": back.sum(axis=(0, 1, 2)),
    }


def _batches(count: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Deal all examples, in a random order."""
    order = rng.permutation(count)
    yield from (order[start : start + EXAMPLES] for start in range(0, count, EXAMPLES))
