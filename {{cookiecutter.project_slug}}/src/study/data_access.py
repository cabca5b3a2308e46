"""Tables that enter from outside, one function per source."""

import pandas as pd
from sklearn.datasets import load_breast_cancer


def breast_cancer() -> pd.DataFrame:
    """Read the Wisconsin diagnostic breast cancer table, which scikit-learn carries.

    Each row is one fine needle aspirate. Ten properties of its cell nuclei were measured in an
    image; each has its mean, its standard error ("error") and its largest values ("worst").

    Returns:
        569 rows, 30 columns, float64, none missing. Lengths are in pixels, areas in square
        pixels, texture in grey levels, the rest has no unit.

    Source:
        Street, Wolberg and Mangasarian (1993), https://doi.org/10.1117/12.148698
    """
    return load_breast_cancer(as_frame=True).data
