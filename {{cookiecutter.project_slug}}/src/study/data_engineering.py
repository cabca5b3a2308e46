"""From raw tables to features and splits, and from many scores to one table of results."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PERCENTILES = {"low": 0.1, "median": 0.5, "high": 0.9}


class Split(NamedTuple):
    """Training rows, shape (size, p), and held-out rows, shape (m, p), float64, same units."""

    size: int
    number: int
    train: NDArray[np.float64]
    test: NDArray[np.float64]


def standardise(raw: pd.DataFrame) -> pd.DataFrame:
    """Give every column mean 0 and variance 1.

    Args:
        raw: Shape (rows, columns), float64, any units.

    Returns:
        Same shape and names, float64, in standard deviations (divisor: number of rows).

    Raises:
        ValueError: If a value is missing or infinite, or a column is constant.
    """
    if not np.isfinite(raw).all(axis=None):
        raise ValueError("cannot standardise: some values are missing or infinite")
    constant = raw.columns[raw.nunique() == 1]
    if len(constant):
        raise ValueError(f"cannot standardise constant columns: {', '.join(constant)}")
    return (raw - raw.mean()) / raw.std(ddof=0)


def draw_splits(
    features: pd.DataFrame, sizes: Sequence[int], count: int, held_out: int, seed: int
) -> Iterator[Split]:
    """Draw training rows and held-out rows, `count` times for each sample size.

    Each split has a random stream of its own: it stays the same when other sizes or more splits
    are asked for.

    Args:
        features: Shape (rows, p), float64.
        sizes: Numbers of training rows.
        count: Number of splits for each size.
        held_out: Number of held-out rows in each split.
        seed: Root of all random streams.

    Raises:
        ValueError: If the table has too few rows for the largest size and the held-out rows.
    """
    rows = features.to_numpy(dtype=float)
    if max(sizes) + held_out > len(rows):
        raise ValueError(f"{max(sizes)} + {held_out} rows asked for, the table has {len(rows)}")
    for size in sizes:
        for number in range(count):
            stream = np.random.SeedSequence(seed, spawn_key=(size, number))
            order = np.random.default_rng(stream).permutation(len(rows))
            train, test = order[:size], order[size : size + held_out]
            yield Split(size, number, rows[train], rows[test])


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Reduce the scores of all splits to one row per sample size and estimator.

    The gain is the score minus that of the empirical covariance matrix on the same split.

    Args:
        scores: One row per split and estimator, as `study.model.compare` returns it.

    Returns:
        One row per `size` and `estimator`, in the order of `scores`: the number of `splits`; the
        means over splits of `intensity` (no unit), `score` and `gain` (nats per observation), with
        their standard deviations `…_sd` and 10th, 50th and 90th percentiles `…_low`, `…_median`,
        `…_high`; `wins`, the share of splits with a positive gain. Where the empirical matrix is
        singular its score is minus infinity and every gain infinity. The empirical matrix has no
        gain over itself: missing.
    """
    groups = scores.assign(gain=_gain(scores)).groupby(["size", "estimator"], sort=False)
    parts = [groups.size().rename("splits")]
    for name in ("intensity", "score", "gain"):
        column = groups[name]
        parts += [column.mean(), column.std().rename(f"{name}_sd")]
        for label, level in PERCENTILES.items():
            parts.append(column.quantile(level, interpolation="nearest").rename(f"{name}_{label}"))
    parts.append((groups["gain"].agg(_share_positive)).rename("wins"))
    return pd.concat(parts, axis="columns").reset_index()


def _gain(scores: pd.DataFrame) -> pd.Series:
    """Subtract the score of the empirical matrix, split by split."""
    empirical = scores["estimator"] == "empirical"
    reference = scores[empirical].set_index(["size", "split"])["score"]
    splits = pd.MultiIndex.from_frame(scores[["size", "split"]])
    return scores["score"].mask(empirical) - reference.reindex(splits).to_numpy()


def _share_positive(gain: pd.Series) -> float:
    """Give the share of positive values, missing where all are missing."""
    return (gain > 0).mean() if gain.notna().any() else np.nan


def significant(table: pd.DataFrame, digits: int = 6) -> pd.DataFrame:
    """Round to what is meaningful, so that another processor gives the same bytes.

    Args:
        table: Any shape; only columns of floats change.
        digits: Number of significant decimal digits that stay.

    Returns:
        Same shape, columns and dtypes. Infinite and missing values stay.
    """
    floats = table.select_dtypes("float")
    return table.assign(**floats.map(lambda value: float(f"{value:.{digits}g}")))
