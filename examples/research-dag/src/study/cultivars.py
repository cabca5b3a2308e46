"""Wines of three cultivars: from chemistry to the cultivar."""

import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import SVC

TARGET = "cultivar"
MODELS = {
    "logistic": lambda seed: LogisticRegression(max_iter=200, random_state=seed),
    "support-vectors": lambda seed: SVC(random_state=seed),
    "forest": lambda seed: RandomForestClassifier(random_state=seed),
}


def wines() -> pd.DataFrame:
    """Read the wine table, which scikit-learn carries.

    Returns:
        178 rows: 13 measurements of a wine, float64, each in a unit of its own, none missing, and
        its `cultivar`, text.

    Source:
        Forina et al. (1991), https://doi.org/10.24432/C5PC7J
    """
    table = load_wine(as_frame=True)
    return table.data.assign(**{TARGET: table.target_names[table.target]})


def preprocess(wines: pd.DataFrame, scaled: bool) -> pd.DataFrame:
    """Give every measurement mean 0 and variance 1, or leave all as they are.

    Args:
        wines: One row per wine; `cultivar` (text) and float64 measurements, each in its own unit.
        scaled: Whether to scale.

    Returns:
        Same shape and columns; scaled measurements are in standard deviations.
    """
    values = wines.drop(columns=TARGET)
    if scaled:
        values = (values - values.mean()) / values.std(ddof=0)
    return values.assign(**{TARGET: wines[TARGET]})


def train(features: pd.DataFrame, model: str, seed: int) -> ClassifierMixin:
    """Fit a model to all wines.

    Args:
        features: As `preprocess` returns it.
        model: A name of `MODELS`.
        seed: Root of the random stream.

    Raises:
        KeyError: If there is no such model.
    """
    return MODELS[model](seed).fit(features.drop(columns=TARGET), features[TARGET])


def score(model: ClassifierMixin, features: pd.DataFrame, folds: int, seed: int) -> dict:
    """Return how often a model of this kind is right about wines that it did not see.

    Args:
        model: What `train` returned; its settings are used, not what it learned.
        features: As `preprocess` returns it.
        folds: Number of parts; each is predicted from the others.
        seed: Root of the random stream that deals wines to parts.

    Returns:
        `wines` (int), `right` (int), `accuracy` (their ratio, without unit).
    """
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    guessed = cross_val_predict(model, features.drop(columns=TARGET), features[TARGET], cv=parts)
    right = int((guessed == features[TARGET]).sum())
    return {"wines": len(features), "right": right, "accuracy": right / len(features)}
