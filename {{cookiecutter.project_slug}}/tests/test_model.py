"""Tests of study.model: known truths are recovered from simulated rows."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import digamma
from sklearn import covariance

from study.data_engineering import draw_splits
from study.model import (
    best_intensities,
    compare,
    held_out_score,
    ledoit_wolf,
    oas,
    spectrum,
    trace_curves,
    trace_spectra,
)


def simulate(n: int, truth: np.ndarray, seed: int) -> np.ndarray:
    """Draw n Gaussian rows with mean 0 and this covariance matrix."""
    return np.random.default_rng(seed).multivariate_normal(np.zeros(len(truth)), truth, size=n)


def autoregressive(p: int, correlation: float) -> np.ndarray:
    """Give a covariance matrix whose correlations fall with the distance of the columns."""
    return correlation ** np.abs(np.subtract.outer(np.arange(p), np.arange(p)))


@pytest.mark.parametrize("n", [5, 20, 200])
def test_ledoit_wolf_agrees_with_scikit_learn(n):
    """An independent implementation of the same paper gives the same intensity."""
    rows = simulate(n, autoregressive(12, 0.6), seed=n)
    rows -= rows.mean(axis=0)
    expected = covariance.ledoit_wolf_shrinkage(rows, assume_centered=True)
    assert ledoit_wolf(rows) == pytest.approx(expected)


def test_oas_agrees_with_scikit_learn_where_that_is_exact():
    """Without the terms 2 / p, which vanish for many columns, scikit-learn gives the same."""
    rows = simulate(50, autoregressive(150, 0.6), seed=1)
    _, expected = covariance.oas(rows, assume_centered=True)
    assert oas(rows) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("estimate", [ledoit_wolf, oas])
def test_the_oracle_intensity_is_recovered(estimate):
    """On Gaussian rows the estimates are close to the intensity that needs the true matrix."""
    n, p = 60, 20
    truth = autoregressive(p, 0.5)
    square, trace = np.sum(truth**2), np.trace(truth)
    noise = (1 - 2 / p) * square + trace**2
    oracle = noise / (noise + n * (square - trace**2 / p))
    estimates = [estimate(simulate(n, truth, seed)) for seed in range(100)]
    assert np.mean(estimates) == pytest.approx(oracle, rel=0.1)


@pytest.mark.parametrize("estimate", [ledoit_wolf, oas])
def test_a_prior_that_is_true_is_trusted(estimate):
    """When the truth is the prior, equal variances and no correlation, the intensity nears 1."""
    estimates = [estimate(simulate(40, np.eye(30), seed)) for seed in range(20)]
    assert np.mean(estimates) > 0.9


@pytest.mark.parametrize("n", [6, 40])
def test_the_spectrum_is_that_of_the_covariance_matrix(n):
    """Eigenvalues and eigenvectors rebuild S; without enough rows the rest are exactly 0."""
    rows = simulate(n, autoregressive(10, 0.8), seed=3)
    rows -= rows.mean(axis=0)
    values, vectors = spectrum(rows)
    np.testing.assert_allclose(vectors * values @ vectors.T, rows.T @ rows / n, atol=1e-12)
    assert np.count_nonzero(values) == min(n - 1, 10)


@pytest.mark.parametrize("intensity", [0, 0.3, 1])
def test_the_score_is_the_gaussian_log_likelihood(intensity):
    """The score equals the mean log density that SciPy gives for the same matrix."""
    train, test = simulate(30, autoregressive(5, 0.7), seed=1), simulate(9, np.eye(5), seed=2)
    scale = train.std(axis=0)
    correlation = np.corrcoef(train.T)
    shrunk = (1 - intensity) * correlation + intensity * np.eye(5)
    density = stats.multivariate_normal(train.mean(axis=0), shrunk * np.outer(scale, scale))
    expected = density.logpdf(test).mean()
    assert held_out_score(train, test, [intensity]) == pytest.approx(expected)


def test_the_expected_score_of_the_empirical_matrix_is_recovered():
    """Over many simulated samples the mean score is what the Wishart distribution predicts."""
    n, p, truth = 30, 8, autoregressive(8, 0.6)
    log_determinant = np.linalg.slogdet(truth)[1] + p * np.log(2 / n)
    log_determinant += digamma((n - np.arange(1, p + 1)) / 2).sum()
    expected = -(p * np.log(2 * np.pi) + log_determinant + (n + 1) * p / (n - p - 2)) / 2
    scores = [
        held_out_score(simulate(n, truth, 2 * seed), simulate(50, truth, 2 * seed + 1), [0])
        for seed in range(800)
    ]
    standard_error = np.std(scores) / np.sqrt(len(scores))
    assert abs(np.mean(scores) - expected) < 4 * standard_error
    assert standard_error < 0.1


@pytest.mark.parametrize(("n", "regular"), [(5, False), (10, False), (11, True)])
def test_a_singular_matrix_scores_minus_infinity(n, regular):
    """Up to n = p the empirical matrix has no inverse, and the score says so; shrunk it has one."""
    train, test = simulate(n, np.eye(10), seed=1), simulate(20, np.eye(10), seed=2)
    empirical, shrunk = held_out_score(train, test, [0, 0.1])
    assert np.isfinite(empirical) == regular
    assert np.isfinite(shrunk)


def test_differences_do_not_depend_on_units():
    """Other units for the columns shift all scores by the same constant."""
    train, test = simulate(15, autoregressive(6, 0.5), seed=1), simulate(40, np.eye(6), seed=2)
    units = np.array([1e-3, 1, 5, 1e4, 0.2, 7])
    before = held_out_score(train, test, [0, 0.2, 1])
    after = held_out_score(train * units + 3, test * units + 3, [0, 0.2, 1])
    np.testing.assert_allclose(before - after, np.log(units).sum())


def test_a_constant_column_is_refused():
    """A column without variance has no scale; the error says which one, and how many rows."""
    train = simulate(8, np.eye(3), seed=1)
    train[:, 1] = 4
    with pytest.raises(ValueError, match="column 1 is constant in a sample of 8 rows"):
        held_out_score(train, train, [0.5])


@pytest.fixture(scope="module")
def compared() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give curves and scores for simulated rows whose true matrix is far from the prior."""
    features = pd.DataFrame(simulate(300, autoregressive(10, 0.9), seed=5))
    sizes, grid = [8, 20, 120], np.geomspace(1e-3, 1, 25)
    curves = trace_curves(draw_splits(features, sizes, 60, 150, seed=1), grid)
    scores = compare(draw_splits(features, sizes, 60, 150, seed=1), curves, fixed=0.3)
    return curves, scores


def test_less_shrinkage_is_best_with_more_rows(compared):
    """The best intensity in hindsight falls as the sample grows."""
    best = best_intensities(compared[0])
    assert best[8] > best[20] > best[120]


def test_no_estimator_beats_the_best_intensity_of_the_grid(compared):
    """On the mean over splits, the best intensity in hindsight bounds the fixed one."""
    mean = compared[1].groupby(["size", "estimator"])["score"].mean().unstack()
    assert (mean["best"] >= mean["fixed"] - 0.02).all()
    assert (mean["best"] > mean["empirical"]).all()


def test_the_two_tables_agree(compared):
    """The mean score of the best intensity is the top of its curve."""
    curves, scores = compared
    best = scores[scores["estimator"] == "best"].groupby("size")["score"].mean()
    pd.testing.assert_series_equal(best, curves.groupby("size")["score"].max())


def test_the_spectra_show_the_bias_of_sample_eigenvalues():
    """With equal true variances, the largest eigenvalues come out too large, the last too small."""
    features = pd.DataFrame(simulate(400, np.eye(10), seed=1))
    spectra = trace_spectra(draw_splits(features, [6, 40], 40, 300, seed=1))
    rows = spectra[spectra["size"] == 40].set_index("direction")
    assert rows["empirical"][1] > 1.3 * rows["held-out"][1]
    assert rows["empirical"][10] < 0.7 * rows["held-out"][10]
    np.testing.assert_allclose(rows["held-out"], 1, atol=0.15)
    assert (spectra.loc[spectra["size"] == 6, "empirical"] > 0).sum() == 5
