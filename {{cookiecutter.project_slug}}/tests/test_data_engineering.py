"""Tests of study.data_engineering."""

import numpy as np
import pandas as pd
import pytest

from study.data_engineering import draw_splits, significant, standardise, summarise


@pytest.fixture
def table() -> pd.DataFrame:
    """Give 50 rows of three columns on very different scales."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(50, 3)) * [1e-3, 1, 1e4] + [5, -2, 1e5]
    return pd.DataFrame(values, columns=["small", "unit", "large"])


def test_standardised_columns_have_mean_0_and_variance_1(table):
    """Whatever the units, every column comes out with mean 0 and variance 1."""
    features = standardise(table)
    np.testing.assert_allclose(features.mean(), 0, atol=1e-8)
    np.testing.assert_allclose(features.var(ddof=0), 1)
    assert list(features.columns) == list(table.columns)


def test_a_constant_column_is_refused_by_name(table):
    """A constant column cannot be standardised; the error names it."""
    with pytest.raises(ValueError, match="constant columns: unit"):
        standardise(table.assign(unit=3.0))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(table, value):
    """A missing or infinite value is an error, not a column of missing values."""
    table.loc[7, "unit"] = value
    with pytest.raises(ValueError, match="missing or infinite"):
        standardise(table)


def test_a_split_never_trains_on_the_rows_that_it_holds_out(table):
    """Training rows and held-out rows have the sizes asked for and share no row."""
    for split in draw_splits(table, [5, 20], 3, 30, seed=1):
        assert split.train.shape == (split.size, 3)
        assert split.test.shape == (30, 3)
        both = np.vstack([split.train, split.test])
        assert len(np.unique(both, axis=0)) == split.size + 30


def test_a_split_depends_on_its_seed_size_and_number_alone(table):
    """Other sizes and more splits leave a split as it is; another seed changes it."""
    few = next(draw_splits(table, [20], 1, 30, seed=1))
    many = list(draw_splits(table, [5, 20, 10], 4, 30, seed=1))[4]
    other = next(draw_splits(table, [20], 1, 30, seed=2))
    assert (many.size, many.number) == (20, 0)
    np.testing.assert_array_equal(few.train, many.train)
    assert not np.array_equal(few.train, other.train)


def test_more_rows_than_there_are_is_refused(table):
    """Asking for more rows than the table has is an error with both numbers."""
    with pytest.raises(ValueError, match=r"30 \+ 21 rows asked for, the table has 50"):
        next(draw_splits(table, [10, 30], 1, 21, seed=1))


def scores_of(empirical: list[float], fixed: list[float]) -> pd.DataFrame:
    """Give the scores of two estimators on the same splits of one sample size."""
    parts = [
        pd.DataFrame({"size": 10, "split": range(len(score)), "estimator": name, "score": score})
        for name, score in (("empirical", empirical), ("fixed", fixed))
    ]
    return pd.concat(parts).assign(intensity=0.1)


def test_gains_are_paired_by_split():
    """A gain compares two estimators on one split, so that what the split itself does cancels."""
    results = summarise(scores_of([-1.0, -100.0, -10.0], [-2.0, -98.0, -9.0])).set_index(
        "estimator"
    )
    assert results.loc["fixed", "gain"] == pytest.approx(2 / 3)
    assert results.loc["fixed", "gain_median"] == 1
    assert results.loc["fixed", "gain_sd"] == pytest.approx(np.std([-1, 2, 1], ddof=1))
    assert results.loc["fixed", "wins"] == pytest.approx(2 / 3)
    assert results["splits"].tolist() == [3, 3]


def test_a_singular_empirical_matrix_stays_visible():
    """Minus infinity is not dropped: the score stays so, and every gain over it is infinite."""
    results = summarise(scores_of([-np.inf] * 3, [-2.0, -98.0, -9.0])).set_index("estimator")
    assert results.loc["empirical", "score"] == -np.inf
    assert results.loc["fixed", "gain"] == np.inf
    assert results.loc["fixed", "wins"] == 1
    assert np.isnan(results.loc["empirical", "gain"])


def test_rounding_keeps_significant_digits():
    """Large and small values keep the same number of digits; names, counts and infinity stay."""
    table = pd.DataFrame(
        {"name": ["a", "b", "c"], "count": 1234567, "x": [1234567.0, 1e-9 / 3, -np.inf]}
    )
    rounded = significant(table, digits=3)
    assert rounded["x"].tolist() == [1230000.0, 3.33e-10, -np.inf]
    pd.testing.assert_frame_equal(rounded[["name", "count"]], table[["name", "count"]])
