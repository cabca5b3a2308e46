"""Covariance matrices shrunk towards a prior, and how well they predict rows that they never saw.

With the empirical covariance matrix S of n rows and p columns, and mu = trace(S) / p, every
estimator here is (1 - a) S + a mu I. They differ in the intensity a, between 0 (the data alone)
and 1 (the prior alone: no correlation, equal variances).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.data_engineering import Split

Array = NDArray[np.float64]


def ledoit_wolf(rows: Array) -> float:
    """Estimate the intensity with the least expected squared Frobenius error, for any distribution.

    Args:
        rows: Shape (n, p), float64, each column with mean 0.

    Returns:
        Intensity between 0 and 1, no unit.

    Source:
        Ledoit and Wolf (2004), section 3.2, https://doi.org/10.1016/S0047-259X(03)00096-4
    """
    square, trace = _moments(rows)
    noise = (np.mean(np.sum(rows**2, axis=1) ** 2) - square) / len(rows)
    return _share(noise, square - trace**2 / rows.shape[1])


def oas(rows: Array) -> float:
    """Estimate the intensity with the least expected squared Frobenius error, for Gaussian rows.

    This is oracle approximating shrinkage as published; scikit-learn leaves out the terms 2 / p.

    Args:
        rows: Shape (n, p), float64, each column with mean 0.

    Returns:
        Intensity between 0 and 1, no unit.

    Source:
        Chen, Wiesel, Eldar and Hero (2010), equation 23, https://doi.org/10.1109/TSP.2010.2053029
    """
    n, p = rows.shape
    square, trace = _moments(rows)
    noise = (1 - 2 / p) * square + trace**2
    return _share(noise, (n + 1 - 2 / p) * (square - trace**2 / p))


def _moments(rows: Array) -> tuple[float, float]:
    """Give the trace of S squared and the trace of S."""
    covariance = rows.T @ rows / len(rows)
    return float(np.sum(covariance**2)), float(np.trace(covariance))


def _share(noise: float, distance: float) -> float:
    """Divide, within 0 and 1; a matrix that equals its target may as well be the target."""
    return float(np.clip(noise / distance, 0, 1)) if distance > 0 else 1.0


def unit_scale(train: Array, *others: Array) -> tuple[Array, ...]:
    """Centre and scale by the means and standard deviations of the training rows alone.

    Args:
        train: Shape (n, p), float64.
        others: Shape (m, p) each, float64, same units.

    Returns:
        The standard deviations (divisor n), shape (p,); then every matrix, in these units.

    Raises:
        ValueError: If a column of `train` is constant.
    """
    mean, scale = train.mean(axis=0), train.std(axis=0)
    if not (scale > 0).all():
        raise ValueError(f"column {np.argmin(scale)} is constant in a sample of {len(train)} rows")
    return scale, *((rows - mean) / scale for rows in (train, *others))


def spectrum(rows: Array) -> tuple[Array, Array]:
    """Decompose the empirical covariance matrix without forming it: small eigenvalues stay exact.

    Args:
        rows: Shape (n, p), float64, each column with mean 0.

    Returns:
        Eigenvalues, shape (p,), descending, exactly 0 beyond the numerical rank; eigenvectors, the
        columns of shape (p, p).
    """
    n, p = rows.shape
    _, singular, vectors = np.linalg.svd(rows, full_matrices=n < p)
    singular[singular <= singular[0] * max(n, p) * np.finfo(float).eps] = 0
    return np.pad(singular**2 / n, (0, p - len(singular))), vectors.T


def held_out_score(train: Array, test: Array, intensities: Sequence[float] | Array) -> Array:
    """Score shrunk covariance matrices by the Gaussian log-likelihood of held-out rows.

    Mean, scale and covariance come from the training rows alone. The density is that of the test
    rows in their own units, so that scores with different training rows can be compared.

    Args:
        train: Shape (n, p), float64.
        test: Shape (m, p), float64, same units.
        intensities: Shape (k,), each between 0 and 1.

    Returns:
        Mean over the m test rows, in nats per observation, shape (k,), float64. Minus infinity
        where the matrix is singular: it gives the test rows no density.

    Raises:
        ValueError: If a column of `train` is constant.
    """
    scale, rows, new = unit_scale(train, test)
    values, vectors = spectrum(rows)
    squares = np.mean((new @ vectors) ** 2, axis=0)
    a = np.asarray(intensities, dtype=float)[:, None]
    shrunk = (1 - a) * values + a * values.mean()
    regular = (shrunk > 0).all(axis=1)
    terms = np.log(2 * np.pi * shrunk[regular]) + squares / shrunk[regular]
    scores = np.full(len(shrunk), -np.inf)
    scores[regular] = -terms.sum(axis=1) / 2 - np.log(scale).sum()
    return scores


def trace_curves(splits: Iterable[Split], intensities: Sequence[float] | Array) -> pd.DataFrame:
    """Score every intensity at every sample size.

    Args:
        splits: Training and held-out rows, as `study.data_engineering.draw_splits` yields them.
        intensities: Shape (k,), each between 0 and 1.

    Returns:
        One row per `size` and `intensity`: `score` and `score_sd`, the mean and the standard
        deviation over splits, in nats per observation.
    """
    scores: dict[int, list[Array]] = {}
    for size, _, train, test in splits:
        scores.setdefault(size, []).append(held_out_score(train, test, intensities))
    columns = {"score": np.mean, "score_sd": lambda values, axis: np.std(values, axis, ddof=1)}
    tables = [
        pd.DataFrame(
            {"size": size, "intensity": intensities}
            | {name: reduce(values, axis=0) for name, reduce in columns.items()}
        )
        for size, values in scores.items()
    ]
    return pd.concat(tables, ignore_index=True)


def best_intensities(curves: pd.DataFrame) -> dict[int, float]:
    """Find the intensity with the highest mean score for each sample size.

    It is known in hindsight only, because the held-out rows choose it.

    Args:
        curves: As `trace_curves` returns it.
    """
    best = curves.loc[curves.groupby("size")["score"].idxmax()]
    return dict(zip(best["size"], best["intensity"], strict=True))


def compare(splits: Iterable[Split], curves: pd.DataFrame, fixed: float) -> pd.DataFrame:
    """Score all estimators on the same splits.

    Args:
        splits: Training and held-out rows, as `study.data_engineering.draw_splits` yields them.
        curves: As `trace_curves` returns it, for the same sizes: gives the best intensities.
        fixed: Intensity of the estimator that ignores the data, between 0 and 1.

    Returns:
        One row per `size`, `split` and `estimator` (empirical, ledoit-wolf, oas, fixed, best): its
        `intensity` and its `score` in nats per observation.
    """
    best = best_intensities(curves)
    found = []
    for size, split, train, test in splits:
        _, rows = unit_scale(train)
        chosen = {
            "empirical": 0.0,
            "ledoit-wolf": ledoit_wolf(rows),
            "oas": oas(rows),
            "fixed": fixed,
            "best": best[size],
        }
        scores = held_out_score(train, test, list(chosen.values()))
        found += [
            (size, split, *each) for each in zip(chosen, chosen.values(), scores, strict=True)
        ]
    return pd.DataFrame(found, columns=["size", "split", "estimator", "intensity", "score"])


def trace_spectra(splits: Iterable[Split]) -> pd.DataFrame:
    """Compare variances along the eigenvectors of the training rows, for each sample size.

    Args:
        splits: Training and held-out rows, as `study.data_engineering.draw_splits` yields them.

    Returns:
        One row per `size` and `direction`, from 1, the largest variance, to p. Medians over splits,
        in squared standard deviations of the training rows: `empirical` and `ledoit-wolf`, the
        eigenvalues of these matrices; `held-out`, the mean square of the held-out rows, which the
        best eigenvalue would equal.
    """
    found: dict[int, list[Array]] = {}
    for size, _, train, test in splits:
        found.setdefault(size, []).append(_variances(train, test))
    columns = ["empirical", "ledoit-wolf", "held-out"]
    tables = []
    for size, each in found.items():
        table = pd.DataFrame(np.median(each, axis=0), columns=columns)
        table.insert(0, "size", size)
        table.insert(1, "direction", table.index + 1)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _variances(train: Array, test: Array) -> Array:
    """Give the columns of `trace_spectra` for one split, shape (p, 3)."""
    _, rows, new = unit_scale(train, test)
    values, vectors = spectrum(rows)
    squares = np.mean((new @ vectors) ** 2, axis=0)
    empty = values == 0  # any basis of this space would do: only its mean has a meaning
    squares[empty] = squares[empty].mean() if empty.any() else 0
    a = ledoit_wolf(rows)
    return np.stack([values, (1 - a) * values + a * values.mean(), squares], axis=1)
