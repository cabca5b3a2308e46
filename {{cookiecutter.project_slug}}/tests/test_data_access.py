"""Tests of study.data_access."""

from study.data_access import breast_cancer


def test_the_breast_cancer_table_is_complete():
    """The table has the rows and columns of its source, all numbers, none missing or negative."""
    table = breast_cancer()
    assert table.shape == (569, 30)
    assert set(table.dtypes.astype(str)) == {"float64"}
    assert (table >= 0).all(axis=None)
    assert table["mean radius"].iloc[0] == 17.99
